//! Files as the command treats them: what is read whole is bounded, and what is written takes nothing from anybody.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// Reads a regular file of at most `most` bytes: a device gives bytes for ever, and a file may grow while it is read.
pub(crate) fn read(path: &Path, most: u64) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let too_long =
        || format!("{}: longer than the {most} bytes that are read of such a file", path.display());
    if path.as_os_str() == "-" {
        bail!("standard input is not read: give a file");
    }
    // Before it is opened: a pipe would wait for its other end.
    if !fs::metadata(path).with_context(cannot)?.is_file() {
        bail!("{}: not a regular file", path.display());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).with_context(cannot)?;
    if file.metadata().with_context(cannot)?.len() > most {
        bail!(too_long());
    }
    file.take(most + 1).read_to_end(&mut bytes).with_context(cannot)?;
    if bytes.len() as u64 > most {
        bail!(too_long());
    }
    Ok(bytes)
}

/// The same as text.
pub(crate) fn read_text(path: &Path, most: u64) -> anyhow::Result<String> {
    let bytes = read(path, most)?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8 text", path.display()))
}

/// What the command writes, and how it knows its own kind again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A picture.
    Png,
    /// Enrolled transmitters.
    Gallery,
    /// `report.json` of the demo.
    ReportJson,
    /// `report.html` of the demo.
    ReportHtml,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Png => "PNG picture",
            Kind::Gallery => "gallery",
            Kind::ReportJson | Kind::ReportHtml => "report",
        }
    }

    /// Whether a file that begins so is of this kind. An empty one has nothing to lose.
    fn begins(self, start: &[u8]) -> bool {
        let has = |needle: &str| start.windows(needle.len()).any(|window| window == needle.as_bytes());
        start.is_empty()
            || match self {
                Kind::Png => start.starts_with(b"\x89PNG\r\n\x1a\n"),
                Kind::Gallery => start.starts_with(br#"{"schema":"phy-sec.gallery/"#),
                Kind::ReportJson => start.starts_with(b"{\n  \"schema\": \"phy-sec.demo/"),
                Kind::ReportHtml => has("<title>phy-sec report</title>"),
            }
    }
}

/// A file that is to be written after the work, checked before it: a file of the same kind is replaced, any other one,
/// such as a recording, is not.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    kind: Kind,
}

impl Output {
    /// - `inputs`: what is being read, and so must not be written to
    pub(crate) fn new(path: &Path, kind: Kind, inputs: &[&Path]) -> anyhow::Result<Self> {
        if path.as_os_str() == "-" {
            bail!("standard output is not for a {}: give a file", kind.name());
        }
        let output = Self { path: path.to_owned(), kind };
        if let Ok(own) = path.canonicalize()
            && inputs.iter().any(|input| input.canonicalize().is_ok_and(|input| input == own))
        {
            bail!("{}: this is what is to be read; write to another file", path.display());
        }
        output.check()?;
        Ok(output)
    }

    fn check(&self) -> anyhow::Result<()> {
        let path = &self.path;
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(metadata) if metadata.is_dir() => bail!("{}: is a folder", path.display()),
            // A link to nowhere would be written through, to wherever it points.
            Err(_) if path.is_symlink() => bail!("{}: a link to something that is not there", path.display()),
            // Devices and pipes hold nothing that could be lost, and neither does what is not there.
            _ => return Ok(()),
        }
        let mut start = Vec::new();
        let file = fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
        file.take(256).read_to_end(&mut start).with_context(|| format!("cannot read {}", path.display()))?;
        if !self.kind.begins(&start) {
            let kind = self.kind.name();
            bail!("{}: exists and is no {kind}; choose another name, or remove it first", path.display());
        }
        Ok(())
    }

    /// Writes it, unless something else came to lie there meanwhile: whole, or not at all.
    pub(crate) fn write(&self, content: &[u8]) -> anyhow::Result<()> {
        self.check()?;
        let cannot = || format!("cannot write {}", self.path.display());
        if fs::metadata(&self.path).is_ok_and(|metadata| !metadata.is_file()) {
            return fs::write(&self.path, content).with_context(cannot); // a device or a pipe
        }
        // Beside what a link points to, or the link would be replaced.
        let place = self.path.canonicalize().unwrap_or_else(|_| self.path.clone());
        let mut part = place.clone().into_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let written = fs::write(&part, content).and_then(|()| {
            if let Ok(old) = fs::metadata(&place) {
                fs::set_permissions(&part, old.permissions())?;
            }
            fs::rename(&part, &place)
        });
        if written.is_err() {
            let _ = fs::remove_file(&part); // the first error is the one to tell
        }
        written.with_context(cannot)
    }

    /// Where it goes.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A piece of somebody else's text for a message: its beginning, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        None => format!("{text:?}"),
        Some((at, _)) => format!("{:?}... ({} bytes)", &text[..at], text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_its_own_kind_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, content).unwrap();
            path
        };
        let (own, other) = (at("own.png", b"\x89PNG\r\n\x1a\nrest"), at("other", &[0; 64]));
        let (empty, new) = (at("empty", b""), folder.path().join("new"));
        for path in [&own, &empty, &new] {
            Output::new(path, Kind::Png, &[]).unwrap().write(b"\x89PNG\r\n\x1a\nnew").unwrap();
            assert_eq!(fs::read(path).unwrap(), b"\x89PNG\r\n\x1a\nnew");
        }
        for kind in [Kind::Png, Kind::Gallery, Kind::ReportJson, Kind::ReportHtml] {
            let error = Output::new(&other, kind, &[]).unwrap_err().to_string();
            assert!(error.contains("exists and is no"), "{error}");
        }
        // The same file by another name, even if it looks like a picture.
        let error = Output::new(&own, Kind::Png, &[&folder.path().join(".").join("own.png")]).unwrap_err();
        assert!(error.to_string().contains("what is to be read"), "{error}");
        // What came to lie there since.
        let late = folder.path().join("late");
        let output = Output::new(&late, Kind::Png, &[]).unwrap();
        fs::write(&late, b"a recording").unwrap();
        assert!(output.write(b"x").is_err());
        assert_eq!(fs::read(&late).unwrap(), b"a recording");
    }

    #[test]
    fn reading_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        fs::write(&path, [b'a'; 100]).unwrap();
        assert_eq!(read(&path, 100).unwrap().len(), 100);
        assert!(read(&path, 99).unwrap_err().to_string().contains("longer than the 99 bytes"));
        assert!(read(folder.path(), 100).unwrap_err().to_string().contains("not a regular file"));
        #[cfg(unix)]
        assert!(read(Path::new("/dev/zero"), 100).unwrap_err().to_string().contains("not a regular file"));
    }

    #[test]
    fn quotes_are_short() {
        assert_eq!(quoted("a\"b"), "\"a\\\"b\"");
        let long = quoted(&"ä".repeat(1000));
        assert!(long.len() < 160 && long.ends_with("... (2000 bytes)"), "{long}");
    }
}
