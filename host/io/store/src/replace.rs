//! Small files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
};

use crate::commit::sync_dir;

/// Replaces a file; durable when it returns, its name and its folder's too. A folder that is not there is made.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let incomplete = || io::Error::new(io::ErrorKind::InvalidInput, "a file has a name and a folder");
    let (folder, name) = path.parent().zip(path.file_name()).ok_or_else(incomplete)?;
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        folder.parent().map_or(Ok(()), sync_dir)?;
    }
    let unfinished = folder.join(format!(".unfinished-{}", name.display()));
    let mut file = File::create(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(unfinished, path)?;
    sync_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder/file.json");
        for content in ["one", "two"] {
            replace_file(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(dir.path().join("folder")).unwrap().count(), 1);
        // A folder of that name: what was there stays.
        replace_file(&dir.path().join("folder"), b"").unwrap_err();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
    }
}
