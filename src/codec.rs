//! How our servers put messages on the wire and take them from it: protobuf, as everywhere, through small buffers.
//!
//! What is easily got wrong: each call keeps its buffer as long as it lasts, and a stream lasts for half an hour. What tonic
//! takes by default, 8 KiB, is a tenth of a gigabyte for the terminals of a nation; what they are told has 200 bytes.

use std::marker::PhantomData;

use prost::Message;
use tonic::codec::{BufferSettings, Codec};
use tonic_prost::{ProstDecoder, ProstEncoder};

/// What a buffer begins with. It grows with a larger message, and goes with it.
const BUFFER: usize = 1024;
/// Messages that are ready at the same time go out together up to so much: a full one of a stream.
const TOGETHER: usize = 16 * 1024;

/// Answers of type `E`, requests of type `D`. The generated servers name it (build.rs).
pub struct Wire<E, D>(PhantomData<fn(D) -> E>);

impl<E, D> Default for Wire<E, D> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E, D> Codec for Wire<E, D>
where
    E: Message + Send + 'static,
    D: Message + Default + Send + 'static,
{
    type Encode = E;
    type Decode = D;
    type Encoder = ProstEncoder<E>;
    type Decoder = ProstDecoder<D>;

    fn encoder(&mut self) -> ProstEncoder<E> {
        ProstEncoder::new(BufferSettings::new(BUFFER, TOGETHER))
    }

    fn decoder(&mut self) -> ProstDecoder<D> {
        ProstDecoder::new(BufferSettings::new(BUFFER, TOGETHER))
    }
}
