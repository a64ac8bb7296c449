//! The words that the demo's people are made of, with the flavour of the north coast of East Java, where Javanese and
//! Madurese live side by side. They are lists of words parted by white space; the order matters, for a seeded choice is
//! an index into them.

/// Given names of women, and of everybody's mother.
pub(super) const GIVEN_FEMALE: &str = "
    Siti Nur Dewi Sri Rina Rini Ratna Wahyuni Yuliana Yuni Endang Sulastri Suryani Sumarni Sunarti Suharti Suwarni
    Kartini Lestari Ningsih Hartini Hartatik Murni Mariyam Maryati Aminah Fatimah Khotimah Romlah Rohmah Rukmini
    Rukayah Rofiah Zubaidah Zainab Zulaikha Halimah Hamidah Hasanah Hosniyah Juwariyah Jumaati Juhairiyah Masruroh
    Mahmudah Muslimah Mutmainnah Musdalifah Nafisah Naimah Nadifah Latifah Lailatul Luluk Lilik Istiqomah Ismawati
    Indah Intan Ika Ida Fitri Fitria Faridah Eka Dwi Tri Dian Diah Devi Citra Ayu Anis Anita Arum Atik Bunga Wiwik
    Winarti Yanti Uswatun Umi Titik Tutik Sulaiha Samsiyah Sahrotul Qomariyah Puji Ponirah
";

/// Given names of men.
pub(super) const GIVEN_MALE: &str = "
    Ahmad Muhammad Abdul Achmad Mochammad Agus Budi Bambang Eko Dwi Tri Joko Slamet Sugeng Suyono Sutrisno Sugiono
    Suparman Supriyadi Suprapto Sukardi Sumardi Sunaryo Suwito Suwandi Sutikno Subandi Sudarsono Sulaiman Samsul
    Saiful Syaiful Syamsul Hasan Husen Hamid Hanafi Hariyanto Hendra Heri Hadi Imam Ismail Ibrahim Irfan Iwan Jamal
    Junaidi Kusnadi Khoirul Kholil Lukman Lutfi Mansur Mahfud Mahmud Mustofa Misbah Muhlis Munir Nanang Nurul Nasir
    Naufal Rahmat Ridwan Rizal Rizki Rofik Rudi Rosyid Taufik Teguh Toha Usman Umar Wahyu Wawan Yusuf Yudi Yanto
    Zainal Zainuddin Zaki Fauzi Farid Faisal Fathur Dedi Didik Dani Andi Anton Arif Bagus Bayu
";

/// Second names of women. Few families have a name of their own; a second word is chosen with the first.
pub(super) const SECOND_FEMALE: &str = "
    Wulandari Rahayu Puspitasari Kusumawati Handayani Setyowati Susanti Astuti Purwanti Utami Wijayanti Permatasari
    Anggraini Maharani Pratiwi Safitri Fitriani Rahmawati Hidayati Hasanah Khasanah Mukaromah Maghfiroh Mufidah
    Munawaroh Nurhayati Nuraini Nurjannah Qibtiyah Aisyah Agustina Andriani Damayanti Ekawati Fauziyah Indrawati
    Kurniawati Mulyani Oktaviani Yulianti
";

/// Second names of men.
pub(super) const SECOND_MALE: &str = "
    Santoso Setiawan Prasetyo Hidayat Wibowo Susanto Purnomo Nugroho Saputra Kurniawan Wijaya Hartono Suryadi Raharjo
    Widodo Gunawan Firmansyah Maulana Ramadhan Rohman Rohim Hakim Halim Ghofur Ghoni Wahid Mujib Munif Arifin Anwar
    Effendi Fadli Basri Bahri Hasyim Iskandar Mubarok Mustakim Syafii Zamroni
";

/// What streets are called in every town.
pub(super) const STREETS: &[&str] = &[
    "Panglima Sudirman",
    "Pahlawan",
    "Diponegoro",
    "KH Wahid Hasyim",
    "KH Ahmad Dahlan",
    "Hayam Wuruk",
    "Gajah Mada",
    "Untung Suropati",
    "Hang Tuah",
    "Ir. H. Juanda",
    "Veteran",
    "Balai Kota",
    "Wachidin Sudirohusodo",
    "Patimura",
    "Erlangga",
    "Airlangga Baru",
    "Slagah",
    "Sunan Ampel",
    "Melati",
    "Kenanga",
    "Delima",
    "Mangga",
    "Pelabuhan",
    "Nelayan",
];

/// Where those were born who were not born in the district.
pub(super) const OTHER_BIRTH_PLACES: &[&str] = &[
    "Surabaya",
    "Malang",
    "Probolinggo",
    "Sidoarjo",
    "Bangkalan",
    "Sampang",
    "Pamekasan",
    "Sumenep",
    "Lumajang",
    "Jember",
    "Mojokerto",
    "Gresik",
];

/// What follows +62 and begins a mobile number, one or more for each operator.
pub(super) const MOBILE_PREFIXES: &[&str] = &[
    "811", "812", "813", "821", "822", "852", "853", "856", "857", "858", "817", "819", "877",
    "878", "831", "838", "895", "896", "897", "881",
];

/// A word as the card prints it, and how many of a hundred people it fits.
pub(super) type Share = (&'static str, u32);

/// Religion (agama).
pub(super) const RELIGIONS: &[Share] = &[
    ("Islam", 94),
    ("Kristen", 3),
    ("Katolik", 1),
    ("Hindu", 1),
    ("Buddha", 1),
];

/// Marital status (status perkawinan) by age: the first line whose age is not below the person's.
pub(super) const MARITAL_STATUS: &[(i32, &[Share])] = &[
    (20, &[("Belum Kawin", 93), ("Kawin", 7)]),
    (
        25,
        &[("Belum Kawin", 60), ("Kawin", 38), ("Cerai Hidup", 2)],
    ),
    (
        35,
        &[("Belum Kawin", 20), ("Kawin", 75), ("Cerai Hidup", 5)],
    ),
    (
        55,
        &[
            ("Belum Kawin", 5),
            ("Kawin", 84),
            ("Cerai Hidup", 6),
            ("Cerai Mati", 5),
        ],
    ),
    (
        i32::MAX,
        &[
            ("Belum Kawin", 2),
            ("Kawin", 71),
            ("Cerai Hidup", 5),
            ("Cerai Mati", 22),
        ],
    ),
];

/// Occupation (pekerjaan) of those up to this age who mostly still learn.
pub(super) const STUDENT_AGE_MAX: i32 = 21;

/// Occupation of the young.
pub(super) const OCCUPATIONS_YOUNG: &[Share] = &[
    ("Pelajar/Mahasiswa", 80),
    ("Belum/Tidak Bekerja", 10),
    ("Karyawan Swasta", 10),
];

/// Occupation of women.
pub(super) const OCCUPATIONS_FEMALE: &[Share] = &[
    ("Mengurus Rumah Tangga", 50),
    ("Karyawan Swasta", 18),
    ("Pedagang", 12),
    ("Wiraswasta", 9),
    ("Guru", 5),
    ("Pegawai Negeri Sipil", 4),
    ("Perawat", 2),
];

/// Occupation of men.
pub(super) const OCCUPATIONS_MALE: &[Share] = &[
    ("Karyawan Swasta", 28),
    ("Wiraswasta", 20),
    ("Buruh Harian Lepas", 16),
    ("Nelayan/Perikanan", 10),
    ("Tukang Kayu", 8),
    ("Pedagang", 7),
    ("Sopir", 5),
    ("Pegawai Negeri Sipil", 4),
    ("Guru", 2),
];
