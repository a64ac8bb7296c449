//! Compiles `proto/` into Rust with a protobuf compiler that is itself a crate, so that no machine needs `protoc`.

use std::{env, error::Error, fs, path::PathBuf};

use tonic_prost_build::FileDescriptorSet;

/// The folder of the contract; the only place from which messages and services come.
const PROTO_ROOT: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    // tonic's build step does not say what to watch; without these two lines every check would compile everything.
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=migrations");

    let mut files: Vec<PathBuf> = fs::read_dir(format!("{PROTO_ROOT}/ektp/v1"))?
        .map(|entry| entry.map(|found| found.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|end| end == "proto"));
    files.sort();

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(&files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(
        out.join("ektp_descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    let descriptors = compiler.file_descriptor_set();
    tonic_prost_build::configure()
        // Ordered maps: an answer must be encoded to the same bytes every time it is replayed.
        .btree_map(".")
        .build_transport(true)
        .build_server(false)
        .compile_fds(descriptors.clone())?;
    servers(descriptors, out.join("servers"))
}

/// The servers come apart from messages and clients: what a Watch call hands out is encoded already, once for all who read
/// it (`stream`), and the buffers are small (`codec`). Everything else is the messages' own.
fn servers(descriptors: FileDescriptorSet, out: PathBuf) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(&out)?;
    let mut generator = tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::codec::Wire")
        .out_dir(out)
        .extern_path(".ektp.v1", "crate::proto");
    let messages = descriptors
        .file
        .iter()
        .filter(|file| file.package() == "ektp.v1")
        .flat_map(|file| &file.message_type);
    for message in messages {
        let name = message.name();
        if name.starts_with("Watch") && name.ends_with("Response") {
            generator = generator.extern_path(
                format!(".ektp.v1.{name}"),
                format!("crate::stream::Encoded<crate::proto::{name}>"),
            );
        }
    }
    generator.compile_fds(descriptors)?;
    Ok(())
}
