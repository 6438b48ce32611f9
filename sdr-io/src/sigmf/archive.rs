//! SigMF archives: uncompressed tar, read in place. Nothing is unpacked, so nothing can be overwritten or
//! blown up; still, an archive whose members would do harm to a reader that unpacks it is refused whole.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use tar::{EntryType, Header, PaxExtensions};

pub(super) const META: &str = ".sigmf-meta";
pub(super) const DATA: &str = ".sigmf-data";
pub(super) const BLOCK: u64 = 512;

/// Most members. A recording has two and a folder.
const MAX_MEMBERS: usize = 10_000;
/// Longest pax header.
const MAX_PAX: u64 = 64 << 10;
/// Longest path.
const MAX_NAME: u64 = 4096;
/// A member that a tar header's own size field (eleven octal digits) cannot state.
const OCTAL_LIMIT: u64 = 1 << 33;

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message prints
pub enum ArchiveError {
    /// It would have to be decompressed, to a size that nobody knows.
    #[error("compressed with {kind}; decompress it first, a SigMF archive is an uncompressed tar file")]
    Compressed { kind: &'static str },
    /// Not tar at all, or damaged.
    #[error("not a tar header at byte {at}: {problem}")]
    Header { at: u64, problem: &'static str },
    /// It ends in the middle of a member.
    #[error("member {name:?} is {bytes} bytes, but only {left} bytes are left")]
    Truncated { name: String, bytes: u64, left: u64 },
    /// Longer than any recording needs.
    #[error("{what} of {bytes} bytes; at most {limit} are read")]
    TooLong { what: &'static str, bytes: u64, limit: u64 },
    /// More members than any recording needs.
    #[error("more than {limit} members")]
    TooMany { limit: usize },
    /// A name that leads out of the folder it would be unpacked in.
    #[error("member {name:?}: {problem}")]
    Name { name: String, problem: &'static str },
    /// A link, a device, or a file with holes.
    #[error("member {name:?} is {kind}, not a file or folder")]
    Kind { name: String, kind: &'static str },
    /// Two readers would see two sizes.
    #[error("member {name:?}: the pax header says {pax} bytes, the tar header {header}")]
    SizeOverride { name: String, pax: u64, header: u64 },
    /// Two readers would see two files.
    #[error("member {name:?} occurs twice")]
    Duplicate { name: String },
    /// There is nothing to say what the samples are.
    #[error("holds no .sigmf-meta")]
    NoMetadata,
    /// Which of them is meant?
    #[error("holds {count} recordings; extract the one that is meant")]
    ManyMetadata { count: usize },
    /// The metadata's dataset is not there.
    #[error("holds no {name:?}")]
    NoData { name: String },
    /// The operating system refused.
    #[error("{0}")]
    Io(String),
}

/// A file in an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) start: u64,
    pub(super) bytes: u64,
}

/// What pax and GNU headers say of the next member.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    bytes: Option<u64>,
}

impl Said {
    /// Several headers may stand before a member, and each adds to the others. Where two say different things, readers
    /// differ on which of them wins.
    fn and(self, more: Self, at: u64) -> Result<Self, ArchiveError> {
        fn one<T: PartialEq>(a: Option<T>, b: Option<T>) -> Option<Option<T>> {
            if a.is_some() && b.is_some() && a != b { None } else { Some(a.or(b)) }
        }
        match (one(self.name, more.name), one(self.bytes, more.bytes)) {
            (Some(name), Some(bytes)) => Ok(Said { name, bytes }),
            _ => Err(ArchiveError::Header { at, problem: "it contradicts the header in front of it" }),
        }
    }
}

/// The files of a tar archive of `bytes` bytes.
pub(super) fn members(file: &mut File, bytes: u64) -> Result<Vec<Member>, ArchiveError> {
    let io = |error: io::Error| ArchiveError::Io(error.to_string());
    let mut members: Vec<Member> = Vec::new();
    let mut said = Said::default();
    let mut at = 0;
    let mut headers = 0;
    let mut block = [0; BLOCK as usize];
    while at < bytes {
        headers += 1;
        if headers > MAX_MEMBERS {
            return Err(ArchiveError::TooMany { limit: MAX_MEMBERS });
        }
        file.seek(SeekFrom::Start(at)).map_err(io)?;
        let left = usize::try_from(bytes - at).unwrap_or(usize::MAX).min(block.len());
        file.read_exact(&mut block[..left]).map_err(io)?;
        if at == 0 {
            refuse_compressed(&block[..left])?;
        }
        if left < block.len() {
            return Err(ArchiveError::Header { at, problem: "the file ends inside it" });
        }
        if block == [0; BLOCK as usize] {
            break;
        }
        let header = Header::from_byte_slice(&block);
        let size = check_header(header, at)?;
        let start = at + BLOCK;
        let bounded = |what, limit| match size {
            size if size > limit => Err(ArchiveError::TooLong { what, bytes: size, limit }),
            size if size > bytes - start => {
                Err(ArchiveError::Truncated { name: what.into(), bytes: size, left: bytes - start })
            }
            size => Ok(size as usize),
        };
        let kind = header.entry_type();
        match kind {
            EntryType::XHeader | EntryType::XGlobalHeader => {
                let text = take(file, bounded("a pax header", MAX_PAX)?).map_err(io)?;
                let pax = read_pax(&text, at)?;
                if kind == EntryType::XHeader {
                    said = said.and(pax, at)?;
                } else if pax.name.is_some() || pax.bytes.is_some() {
                    return Err(ArchiveError::Header {
                        at,
                        problem: "a global pax header sets a path or size",
                    });
                }
                at = start.saturating_add(size.next_multiple_of(BLOCK));
                continue;
            }
            EntryType::GNULongName => {
                let mut name = take(file, bounded("a GNU long name", MAX_NAME)?).map_err(io)?;
                name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                said = said.and(Said { name: Some(name), bytes: None }, at)?;
                at = start.saturating_add(size.next_multiple_of(BLOCK));
                continue;
            }
            _ => {}
        }
        // A member: what was said of it is used up.
        let said = std::mem::take(&mut said);
        let name = said.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let payload = match kind {
            EntryType::Regular | EntryType::Continuous => {
                let name = check_name(&name)?;
                let payload = match said.bytes {
                    // Needed from 8 GiB on, and then the header says 0; anything else is two answers to one question.
                    Some(pax) if pax != size && !(size == 0 && pax >= OCTAL_LIMIT) => {
                        return Err(ArchiveError::SizeOverride { name, pax, header: size });
                    }
                    Some(pax) => pax,
                    None => size,
                };
                if payload > bytes - start {
                    return Err(ArchiveError::Truncated { name, bytes: payload, left: bytes - start });
                }
                if members.iter().any(|member| member.name == name) {
                    return Err(ArchiveError::Duplicate { name });
                }
                members.push(Member { name, start, bytes: payload });
                payload
            }
            EntryType::Directory => {
                check_name(&name)?;
                0
            }
            other => {
                let kind = match other {
                    EntryType::Link | EntryType::GNULongLink => "a hard link",
                    EntryType::Symlink => "a symbolic link",
                    EntryType::GNUSparse => "a sparse file",
                    EntryType::Char | EntryType::Block => "a device",
                    EntryType::Fifo => "a pipe",
                    _ => "of an unknown kind",
                };
                return Err(ArchiveError::Kind { name: lossy(&name), kind });
            }
        };
        // The last member's padding may be missing.
        at = start.saturating_add(payload.next_multiple_of(BLOCK));
    }
    Ok(members)
}

/// The one `.sigmf-meta`.
pub(super) fn metadata_member(members: &[Member]) -> Result<&Member, ArchiveError> {
    let mut metas = members.iter().filter(|member| member.name.ends_with(META));
    let first = metas.next().ok_or(ArchiveError::NoMetadata)?;
    match metas.count() {
        0 => Ok(first),
        more => Err(ArchiveError::ManyMetadata { count: more + 1 }),
    }
}

/// Magic numbers of what is not tar.
fn refuse_compressed(start: &[u8]) -> Result<(), ArchiveError> {
    const MAGIC: [(&[u8], &str); 5] = [
        (b"PK", "zip"),
        (&[0x1F, 0x8B], "gzip"),
        (&[0xFD, b'7', b'z', b'X', b'Z'], "xz"),
        (b"BZh", "bzip2"),
        (&[0x28, 0xB5, 0x2F, 0xFD], "zstd"),
    ];
    match MAGIC.iter().find(|(magic, _)| start.starts_with(magic)) {
        Some((_, kind)) => Err(ArchiveError::Compressed { kind }),
        None => Ok(()),
    }
}

/// The size that a header states, if its checksum holds.
fn check_header(header: &Header, at: u64) -> Result<u64, ArchiveError> {
    let bytes = header.as_bytes();
    // The checksum is of the header with blanks in its own place (148..156).
    let blank = bytes[148..156].iter().map(|byte| 32 - i64::from(*byte)).sum::<i64>();
    let sum = bytes.iter().map(|byte| i64::from(*byte)).sum::<i64>() + blank;
    if header.cksum().ok().map(i64::from) != Some(sum) {
        return Err(ArchiveError::Header { at, problem: "the checksum is wrong" });
    }
    let size =
        header.entry_size().map_err(|_| ArchiveError::Header { at, problem: "the size is not a number" })?;
    if size > i64::MAX as u64 {
        return Err(ArchiveError::Header { at, problem: "the size is not a number" });
    }
    Ok(size)
}

fn take(file: &mut File, bytes: usize) -> io::Result<Vec<u8>> {
    let mut text = vec![0; bytes]; // callers have bounded it
    file.read_exact(&mut text)?;
    Ok(text)
}

fn read_pax(text: &[u8], at: u64) -> Result<Said, ArchiveError> {
    let broken = ArchiveError::Header { at, problem: "the pax header is broken" };
    let mut said = Said::default();
    for record in PaxExtensions::new(text) {
        let record = record.map_err(|_| broken.clone())?;
        match record.key_bytes() {
            b"path" => said.name = Some(record.value_bytes().to_vec()),
            b"size" => {
                let value = record.value().ok().and_then(|value| value.parse::<u64>().ok());
                said.bytes =
                    Some(value.filter(|value| *value <= i64::MAX as u64).ok_or_else(|| broken.clone())?);
            }
            key if key.starts_with(b"GNU.sparse") => {
                return Err(ArchiveError::Kind {
                    name: lossy(&said.name.unwrap_or_default()),
                    kind: "a sparse file",
                });
            }
            _ => {} // times, owners, comments
        }
    }
    Ok(said)
}

/// A relative path without tricks. A folder's may end in a slash.
fn check_name(name: &[u8]) -> Result<String, ArchiveError> {
    let error = |problem| ArchiveError::Name { name: lossy(name), problem };
    let text = std::str::from_utf8(name).map_err(|_| error("the name is not UTF-8"))?;
    if text.is_empty() {
        return Err(error("the name is empty"));
    }
    if text.len() as u64 > MAX_NAME {
        return Err(error("the name is too long"));
    }
    if text.starts_with('/') {
        return Err(error("the path is absolute"));
    }
    if text.contains(['\\', ':']) || text.chars().any(char::is_control) {
        return Err(error("the path holds \\, : or a control character"));
    }
    if text.split('/').any(|part| part == "..") {
        return Err(error("the path leads out of its folder"));
    }
    Ok(text.strip_prefix("./").unwrap_or(text).to_owned())
}

fn lossy(name: &[u8]) -> String {
    super::metadata::shorten(&String::from_utf8_lossy(name))
}

/// A header that every tar reads; from 8 GiB on the size is in GNU's binary form.
pub(super) fn header(name: &str, bytes: u64, kind: EntryType) -> io::Result<Header> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_size(bytes);
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_mtime(0); // the same recording gives the same archive
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Ok(header)
}
