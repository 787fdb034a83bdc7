//! Files with prompts and responses: readable only by their owner, and never used for two purposes.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;

/// Options that make a new file readable only for its owner. The mode of an existing file is kept.
pub fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// An empty file of this name.
pub fn create(path: &Path) -> io::Result<File> {
    private().write(true).create(true).truncate(true).open(path)
}

/// Whether both names lead to the same file, including through links. False if a file does not exist.
pub fn same(a: &Path, b: &Path) -> bool {
    same_file::is_same_file(a, b).unwrap_or(false)
}

/// Replaces a file by these parts of it, each with a line end. If it is interrupted, either the old file or the new one
/// exists.
pub fn keep_lines(path: &Path, lines: &[Range<u64>]) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    let mut old = File::open(&path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let written = (|| {
        let mut file = io::BufWriter::new(private().write(true).create_new(true).open(&new)?);
        for line in lines {
            old.seek(SeekFrom::Start(line.start))?;
            io::copy(&mut (&mut old).take(line.end - line.start), &mut file)?;
            file.write_all(b"\n")?;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.set_permissions(old.metadata()?.permissions())?;
        file.sync_all()?;
        fs::rename(&new, &path)
    })();
    if written.is_err() {
        // This error says more than the error about a leftover file.
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_kept_and_so_is_the_mode() {
        let folder = std::env::temp_dir().join(format!("tabby-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file");
        fs::write(&path, "one\ntwo\nthree").unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
        keep_lines(&path, &[0..3, 8..13]).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\nthree\n");
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions()) & 0o777, 0o640);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }
}
