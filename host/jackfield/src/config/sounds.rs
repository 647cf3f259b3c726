//! A tenant's own prompts: whether each file below `sounds/` is one that calls can hear.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use codec::{SampleRate, wav};
use switch::SoundName;
use switch::limit::PROMPT_LENGTH;

use super::document::warning;
use super::problem::Problem;
use crate::sounds::FILE_BYTES_MAX;

/// Folders inside folders; a prompt's name has few segments.
const DEPTH_MAX: usize = 8;
/// Files that are looked at; a whole set of prompts in three languages has two thousand.
const FILES_MAX: usize = 20_000;
/// The beginning of a file, in which its format stands.
const BEGINNING_BYTES: u64 = 64 << 10;
/// What is needed, for people.
const NEEDED: &str = "needed: one channel, 8000 or 16000 samples a second, 16-bit PCM, A-law or µ-law";

/// Looks at every file below a folder, which may be absent. A WAV that cannot be played is a fault, anything else a warning.
pub(crate) fn check(folder: &Path, faults: &mut Vec<Problem>, warnings: &mut Vec<Problem>) {
    let mut files = Vec::new();
    list(folder, 0, &mut files, faults);
    files.sort();
    for file in files {
        let inside = file.strip_prefix(folder).unwrap_or(&file).with_extension("");
        let is_wav = file.extension().is_some_and(|extension| extension == "wav");
        let is_note = file.extension().is_none_or(|extension| extension == "md" || extension == "txt");
        match is_wav {
            true if SoundName::new(&inside.to_string_lossy()).is_none() => {
                let problem = Problem::whole(&file, "no dialplan can name this file");
                warnings.push(warning(problem.hint("letters, digits, `-` and `_` are allowed")));
            }
            true => faults.extend(fault(folder, &file)),
            false if is_note => {}
            false => warnings.push(warning(Problem::whole(&file, "only files *.wav are played"))),
        }
    }
}

fn list(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, faults: &mut Vec<Problem>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && depth == 0 => return,
        Err(error) => return faults.push(Problem::whole(folder, format!("cannot be read: {error}"))),
    };
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| !hidden(path)) {
        if files.len() >= FILES_MAX {
            return;
        }
        // A link to a folder could lead in a circle; what it leads to is not searched for prompts either.
        match path.is_dir() && !path.is_symlink() {
            true if depth < DEPTH_MAX => list(&path, depth + 1, files, faults),
            true => {}
            false => files.push(path),
        }
    }
}

/// Why a file cannot be played.
fn fault(folder: &Path, file: &Path) -> Option<Problem> {
    match playable(folder, file) {
        Ok(_) => None,
        Err(Unplayable::Wav(error)) => Some(Problem::whole(file, error.to_string()).hint(NEEDED)),
        Err(Unplayable::File(message)) => Some(Problem::whole(file, message)),
    }
}

enum Unplayable {
    Wav(wav::WavError),
    File(String),
}

fn playable(folder: &Path, file: &Path) -> Result<SampleRate, Unplayable> {
    let unreadable = |error: std::io::Error| Unplayable::File(format!("cannot be read: {error}"));
    let inside = file.canonicalize().and_then(|file| Ok(file.starts_with(folder.canonicalize()?)));
    if !inside.map_err(unreadable)? {
        return Err(Unplayable::File("the link leads out of the folder, so it is not followed".into()));
    }
    let opened = File::open(file).map_err(unreadable)?;
    let length = opened.metadata().map_err(unreadable)?.len();
    if length > FILE_BYTES_MAX {
        return Err(Unplayable::File(format!("{length} bytes, at most {FILE_BYTES_MAX}")));
    }
    let mut beginning = Vec::new();
    opened.take(BEGINNING_BYTES).read_to_end(&mut beginning).map_err(unreadable)?;
    let samples_max = PROMPT_LENGTH.as_secs() as usize * SampleRate::Hz16000.hz() as usize;
    match wav::check(&beginning, length, samples_max) {
        // Long notes may stand before the audio.
        Err(wav::WavError::NoData) if length > BEGINNING_BYTES => {
            let whole = std::fs::read(file).map_err(unreadable)?;
            wav::check(&whole, length, samples_max).map_err(Unplayable::Wav)
        }
        checked => checked.map_err(Unplayable::Wav),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_played_is_named_with_its_reason() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("sounds");
        let good = wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples: vec![0; 160] });
        let mut stereo = good.clone();
        stereo[22] = 2;
        let mut fast = good.clone();
        fast[24..28].copy_from_slice(&44_100_u32.to_le_bytes());
        let mut noted = good[..36].to_vec();
        noted.extend(b"LIST");
        noted.extend(100_000_u32.to_le_bytes());
        noted.extend(vec![b'x'; 100_000]);
        noted.extend(&good[36..]);
        std::fs::create_dir_all(folder.join("digits")).unwrap();
        let files: [(&str, &[u8]); 9] = [
            ("hello.wav", &good),
            ("noted.wav", &noted),
            ("digits/1.wav", &stereo),
            ("digits/2.wav", &fast),
            ("text.wav", b"hello"),
            ("cut.wav", &good[..30]),
            ("two words.wav", &good),
            ("hello.mp3", b"ID3"),
            ("README.md", b"notes"),
        ];
        for (name, bytes) in files {
            std::fs::write(folder.join(name), bytes).unwrap();
        }
        std::fs::write(root.path().join("outside.wav"), &good).unwrap();
        std::os::unix::fs::symlink("../outside.wav", folder.join("link.wav")).unwrap();
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        check(&folder, &mut faults, &mut warnings);
        let told = |problems: &[Problem]| -> Vec<String> {
            let name = |problem: &Problem| problem.file.strip_prefix(&folder).unwrap().display().to_string();
            problems.iter().map(|problem| format!("{}: {}", name(problem), problem.message)).collect()
        };
        assert_eq!(
            told(&faults),
            [
                "cut.wav: the WAV file does not say its format",
                "digits/1.wav: the WAV file must have one channel, not 2",
                "digits/2.wav: the WAV file must have 8000 or 16000 samples a second, not 44100",
                "link.wav: the link leads out of the folder, so it is not followed",
                "text.wav: not a WAV file",
            ]
        );
        assert_eq!(
            told(&warnings),
            ["hello.mp3: only files *.wav are played", "two words.wav: no dialplan can name this file"]
        );
    }

    #[test]
    fn a_tenant_needs_no_sounds() {
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        check(Path::new("/nonexistent/sounds"), &mut faults, &mut warnings);
        assert!(faults.is_empty() && warnings.is_empty());
    }
}
