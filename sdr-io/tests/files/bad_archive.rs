//! Every item of the list of bad archives, with the answer it gets.

use std::fmt::Write as _;

use sdr_io::OpenOptions;

use crate::fixtures::{Folder, checksum, fault, meta, pax, tar_header, tar_member};

const META: &str = "a/a.sigmf-meta";
const DATA: &str = "a/a.sigmf-data";

fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend([0; 1024]);
    bytes
}

fn good_meta() -> Vec<u8> {
    tar_member(META, b'0', meta("cu8", "", "", "").as_bytes())
}

fn good_data() -> Vec<u8> {
    tar_member(DATA, b'0', &[127; 20])
}

fn answer(bytes: &[u8]) -> Option<String> {
    let folder = Folder::new();
    let path = folder.write("a.sigmf", bytes);
    let message = fault(&path, &OpenOptions::default())?;
    assert_eq!(folder.list(), ["a.sigmf"], "an archive is read, not unpacked");
    Some(message.replace(folder.path("").to_str().unwrap(), ""))
}

#[test]
fn archives_that_are_refused() {
    let with = |extra: Vec<u8>| archive(&[extra, good_meta(), good_data()]);
    let link = |name: &str, kind: u8, target: &str| {
        let mut header = tar_header(name.as_bytes(), b"00000000000", kind);
        header[157..157 + target.len()].copy_from_slice(target.as_bytes());
        checksum(&mut header);
        header.to_vec()
    };
    let oversize = |size: &[u8]| archive(&[good_meta(), tar_header(DATA.as_bytes(), size, b'0').to_vec()]);
    let mut no_checksum = good_meta();
    no_checksum[148] = b'7';
    let long_name = [&[b'n'; 10 << 20][..], &[0]].concat();
    let pax_data = |records: Vec<u8>| archive(&[good_meta(), tar_member("pax", b'x', &records), good_data()]);
    let binary = |top: u8| {
        let mut size = [0xFF; 12];
        size[0] = 0x80;
        size[1..4].fill(0);
        size[4] = top;
        size
    };
    let empty_zip = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".to_vec();
    let cases: Vec<(&str, Vec<u8>, String)> = vec![
        ("no meta", archive(&[good_data()]), "holds no .sigmf-meta".into()),
        ("nothing", archive(&[]), "holds no .sigmf-meta".into()),
        ("no data", archive(&[good_meta()]), "holds no \"a/a.sigmf-data\"".into()),
        (
            "two metas",
            with(tar_member("b/b.sigmf-meta", b'0', meta("cu8", "", "", "").as_bytes())),
            "holds 2 recordings; extract the one that is meant".into(),
        ),
        ("the same name twice", with(good_data()), "member \"a/a.sigmf-data\" occurs twice".into()),
        (
            "a name that leads out",
            with(tar_member("a/../../b", b'0', b"x")),
            "member \"a/../../b\": the path leads out of its folder".into(),
        ),
        (
            "a folder that leads out",
            with(tar_member("..", b'5', b"")),
            "member \"..\": the path leads out of its folder".into(),
        ),
        (
            "an absolute name",
            with(tar_member("/etc/passwd", b'0', b"x")),
            "member \"/etc/passwd\": the path is absolute".into(),
        ),
        (
            "an absolute name in pax",
            with([tar_member("p", b'x', &pax("path", "/etc/passwd")), tar_member("b", b'0', b"x")].concat()),
            "member \"/etc/passwd\": the path is absolute".into(),
        ),
        (
            "a path of Windows",
            with(tar_member("c:\\b", b'0', b"x")),
            "member \"c:\\\\b\": the path holds \\, : or a control character".into(),
        ),
        (
            "a symbolic link",
            with(link("a/l", b'2', "/etc/passwd")),
            "member \"a/l\" is a symbolic link, not a file or folder".into(),
        ),
        (
            "a hard link",
            with(link("a/l", b'1', "a/a.sigmf-data")),
            "member \"a/l\" is a hard link, not a file or folder".into(),
        ),
        ("a device", with(link("a/l", b'3', "")), "member \"a/l\" is a device, not a file or folder".into()),
        ("a pipe", with(link("a/l", b'6', "")), "member \"a/l\" is a pipe, not a file or folder".into()),
        (
            "an unknown kind",
            with(link("a/l", b'Q', "")),
            "member \"a/l\" is of an unknown kind, not a file or folder".into(),
        ),
        (
            "sparse, GNU",
            with(tar_member("a/s", b'S', &[0; 512])),
            "member \"a/s\" is a sparse file, not a file or folder".into(),
        ),
        (
            "sparse, pax",
            pax_data([pax("path", "a/s"), pax("GNU.sparse.major", "1")].concat()),
            "member \"a/s\" is a sparse file, not a file or folder".into(),
        ),
        (
            "pax size override",
            pax_data(pax("size", "2")),
            "member \"a/a.sigmf-data\": the pax header says 2 bytes, the tar header 20".into(),
        ),
        (
            "pax size beyond the file",
            archive(&[
                good_meta(),
                tar_member("pax", b'x', &pax("size", "9000000000")),
                tar_header(DATA.as_bytes(), b"00000000000", b'0').to_vec(),
            ]),
            "member \"a/a.sigmf-data\" is 9000000000 bytes, but only 1024 bytes are left".into(),
        ),
        (
            "pax size that is none",
            pax_data(pax("size", "many")),
            "not a tar header at byte 1024: the pax header is broken".into(),
        ),
        (
            "pax without an end",
            pax_data(b"99 path=x".to_vec()),
            "not a tar header at byte 1024: the pax header is broken".into(),
        ),
        (
            "a global pax path",
            with(tar_member("pax", b'g', &pax("path", "a/b"))),
            "not a tar header at byte 0: a global pax header sets a path or size".into(),
        ),
        (
            "two names of one member",
            archive(&[
                good_meta(),
                tar_member("././@LongLink", b'L', b"a/b\0"),
                tar_member("p", b'x', &pax("path", DATA)),
                good_data(),
            ]),
            "not a tar header at byte 2048: it contradicts the header in front of it".into(),
        ),
        (
            "a local path kept over a global header",
            with(
                [
                    tar_member("p", b'x', &pax("path", "/etc/passwd")),
                    tar_member("g", b'g', &pax("comment", "x")),
                    tar_member("b", b'0', b"x"),
                ]
                .concat(),
            ),
            "member \"/etc/passwd\": the path is absolute".into(),
        ),
        (
            "a pax header of 1 MB",
            with(tar_member("pax", b'x', &pax("comment", &"x".repeat(1 << 20)))),
            "a pax header of 1048593 bytes; at most 65536 are read".into(),
        ),
        (
            "a size beyond the file",
            oversize(b"00000002001"),
            "member \"a/a.sigmf-data\" is 1025 bytes, but only 1024 bytes are left".into(),
        ),
        (
            "a size of 2^63 - 1",
            oversize(&binary(0x7F)),
            "member \"a/a.sigmf-data\" is 9223372036854775807 bytes, but only 1024 bytes are left".into(),
        ),
        (
            "a size of 2^64 - 1",
            oversize(&binary(0xFF)),
            "not a tar header at byte 1024: the size is not a number".into(),
        ),
        (
            "a size that is none",
            oversize(b"zzzzzzzzzzz"),
            "not a tar header at byte 1024: the size is not a number".into(),
        ),
        (
            "a GNU long name of 10 MB",
            with(tar_member("long", b'L', &long_name)),
            "a GNU long name of 10485761 bytes; at most 4096 are read".into(),
        ),
        (
            "a GNU long name beyond the file",
            archive(&[tar_header(b"long", b"00000004000", b'L').to_vec()]),
            "member \"a GNU long name\" is 2048 bytes, but only 1024 bytes are left".into(),
        ),
        (
            "a wrong checksum",
            archive(&[no_checksum, good_data()]),
            "not a tar header at byte 0: the checksum is wrong".into(),
        ),
        ("no tar", vec![b'x'; 2000], "not a tar header at byte 0: the checksum is wrong".into()),
        (
            "cut in the header",
            good_meta()[..300].to_vec(),
            "not a tar header at byte 0: the file ends inside it".into(),
        ),
        (
            "a zip bomb",
            empty_zip,
            "compressed with zip; decompress it first, a SigMF archive is an uncompressed tar file".into(),
        ),
        (
            "a gzip bomb",
            vec![0x1F, 0x8B, 8, 0],
            "compressed with gzip; decompress it first, a SigMF archive is an uncompressed tar file".into(),
        ),
        (
            "ten thousand members",
            archive(&vec![tar_header(b"a/", b"00000000000", b'5').to_vec(); 10_001]),
            "more than 10000 members".into(),
        ),
    ];
    let mut wrong = String::new();
    for (name, bytes, message) in cases {
        let want = Some(format!("a.sigmf: {message}"));
        let got = answer(&bytes);
        if got != want {
            let _ = writeln!(wrong, "{name}:\n  want {want:?}\n  got  {got:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn archives_that_are_odd_but_right() {
    let folder = tar_member("a/", b'5', b"");
    let readme = tar_member("a/README", b'0', b"hello");
    let named = tar_member(META, b'0', meta("cu8", r#", "core:dataset": "x.bin""#, "", "").as_bytes());
    let long = |name: &str| tar_member("././@LongLink", b'L', format!("{name}\0").as_bytes());
    let cut = || tar_member("cut", b'0', &[0; 20]);
    let global = || tar_member("g", b'g', &pax("comment", "x"));
    let cases: [(&str, Vec<u8>); 12] = [
        ("data first", archive(&[folder.clone(), good_data(), good_meta()])),
        ("other files", archive(&[readme, good_meta(), good_data()])),
        ("no end marker", [good_meta(), good_data()].concat()),
        ("the last padding missing", [good_meta(), good_data()[..532].to_vec()].concat()),
        ("a dataset of another name", archive(&[named, tar_member("a/x.bin", b'0', &[0; 20])])),
        ("times in pax", archive(&[tar_member("p", b'x', &pax("mtime", "1.5")), good_meta(), good_data()])),
        ("a GNU long name", archive(&[good_meta(), long(DATA), tar_member("cut", b'0', &[0; 20])])),
        (
            "a GNU long name before a pax header",
            archive(&[good_meta(), long(DATA), tar_member("p", b'x', &pax("mtime", "1.5")), cut()]),
        ),
        (
            "a pax size before a GNU long name",
            archive(&[good_meta(), tar_member("p", b'x', &pax("size", "20")), long(DATA), cut()]),
        ),
        (
            "a global pax header between a local one and its member",
            archive(&[good_meta(), tar_member("p", b'x', &pax("path", DATA)), global(), cut()]),
        ),
        (
            "the same name twice over",
            archive(&[good_meta(), long(DATA), tar_member("p", b'x', &pax("path", DATA)), cut()]),
        ),
        (
            "a pax size that agrees",
            archive(&[good_meta(), tar_member("p", b'x', &pax("size", "20")), good_data()]),
        ),
    ];
    for (name, bytes) in cases {
        assert_eq!(answer(&bytes), None, "{name}");
    }
}

/// A member beyond the 8 GiB that a tar header can state, as Python's tarfile writes it. The file has holes.
#[cfg(unix)]
#[test]
fn a_member_of_nine_gigabytes() {
    use std::os::unix::fs::FileExt;

    use ndarray::Array2;
    let folder = Folder::new();
    let size = 9_000_000_000_u64;
    let head = [
        good_meta(),
        tar_member("pax", b'x', &pax("size", &size.to_string())),
        tar_header(DATA.as_bytes(), b"00000000000", b'0').to_vec(),
    ]
    .concat();
    let path = folder.write("a.sigmf", &head);
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(head.len() as u64 + size.next_multiple_of(512) + 1024).unwrap();
    file.write_all_at(&[255, 0], head.len() as u64 + size - 2).unwrap();
    let mut source = crate::fixtures::open_path(&path, &OpenOptions::default()).unwrap();
    assert_eq!(source.info().samples, Some(size / 2));
    source.seek(size / 2 - 1).unwrap();
    let mut block = Array2::zeros((1, 10));
    assert_eq!(source.read(block.view_mut()).unwrap().unwrap().samples, 1);
    assert_eq!((block[[0, 0]].re, block[[0, 0]].im), (127.5 / 128.0, -127.5 / 128.0));
}
