//! Tones that are sent and looked for at the far end.

use std::path::Path;

use codec::tone::{Generator, Tone};
use codec::wav::{self, Wav};
use codec::{SampleRate, goertzel};

/// Audio of a recording.
pub(crate) struct Heard {
    rate: SampleRate,
    samples: Vec<i16>,
}

/// A window in which a tone is looked for: half a second holds whole periods of every even frequency.
const WINDOW_MS: u32 = 500;

/// Writes a tone of so many seconds.
pub(crate) fn write_tone(path: &Path, rate: SampleRate, hertz: u32, seconds: u32) {
    let mut samples = vec![0; rate.samples(seconds * 1_000)];
    let tone = Tone::parse(&format!("{hertz}/1000")).expect("a frequency");
    Generator::new(rate).fill_endless(&tone, &mut samples);
    std::fs::write(path, wav::write(&Wav { rate, samples })).unwrap();
}

impl Heard {
    /// Reads a recording.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let wav = wav::read(&bytes, 16_000 * 600).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Self { rate: wav.rate, samples: wav.samples }
    }

    /// Reads a recording that is still being written: its header does not know its length yet.
    pub(crate) fn read_unfinished(path: &Path, rate: SampleRate) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let samples = bytes.get(44..).unwrap_or_default().chunks_exact(2);
        let samples = samples.map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect();
        Self { rate, samples }
    }

    /// The highest share that a frequency has in any half second (0 to 1).
    pub(crate) fn purity(&self, hertz: u32) -> f64 {
        let windows = self.samples.chunks_exact(self.rate.samples(WINDOW_MS));
        windows
            // Silence has no pitch.
            .filter(|window| window.iter().any(|sample| sample.unsigned_abs() > 300))
            .map(|window| goertzel::purity(window, self.rate, f64::from(hertz)))
            .fold(0.0, f64::max)
    }

    /// Half seconds with something in them.
    pub(crate) fn loud_windows(&self) -> usize {
        let windows = self.samples.chunks_exact(self.rate.samples(WINDOW_MS));
        windows.filter(|window| window.iter().any(|sample| sample.unsigned_abs() > 300)).count()
    }

    /// Where a prompt is heard at or after a sample: its end. What is looked for is a lively eighth of a second of the prompt, and
    /// found means a correlation over 0.8: codec and volume change little. Several are tried, because a packet may be lost.
    pub(crate) fn position_of(&self, prompt: &Wav, from: usize) -> Option<usize> {
        assert_eq!(prompt.rate, self.rate, "prompts have the rate of the recording");
        let length = self.rate.samples(125);
        let prompt = floats(&prompt.samples);
        let mut lively: Vec<(usize, &[f64])> = prompt.chunks_exact(length).enumerate().collect();
        lively.sort_by(|(_, a), (_, b)| energy(b).total_cmp(&energy(a)));
        let heard = floats(&self.samples);
        lively.iter().take(4).find_map(|(chunk, wanted)| {
            let wanted_energy = energy(wanted);
            let matches = |window: &[f64]| {
                let product: f64 = window.iter().zip(*wanted).map(|(a, b)| a * b).sum();
                product > 0.8 * (wanted_energy * energy(window)).sqrt() && product > 0.0
            };
            let found = from + heard.get(from..)?.windows(length).position(matches)?;
            // A little less than the end, in case that time was lost on the way.
            let rest = (prompt.len() - chunk * length).saturating_sub(self.rate.samples(60));
            Some(found + rest.max(length))
        })
    }

    /// Asserts that these prompts are in it, one after the other.
    #[track_caller]
    pub(crate) fn assert_prompts(&self, names: &[&str]) {
        let mut from = 0;
        for name in names {
            let position = self.position_of(&prompt(name), from);
            from = position.unwrap_or_else(|| panic!("`{name}` is not heard after sample {from}"));
        }
    }

    /// Asserts that this tone is in it, and none of the others.
    #[track_caller]
    pub(crate) fn assert_tone(&self, hertz: u32, not: &[u32]) {
        let purity = self.purity(hertz);
        assert!(purity > 0.9, "{hertz} Hz has a share of {purity:.3} in {} samples", self.samples.len());
        for other in not {
            let purity = self.purity(*other);
            assert!(purity < 0.05, "{other} Hz has a share of {purity:.3}: a crossover");
        }
    }
}

/// A prompt as the plugin ships it.
pub(crate) fn prompt(name: &str) -> Wav {
    let plugin = if name.starts_with("voicemail/") { "app-voicemail" } else { "app-playback" };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins").join(plugin).join("prompts/en");
    let bytes = std::fs::read(folder.join(name).with_extension("wav")).unwrap();
    wav::read(&bytes, 1_000_000).unwrap()
}

fn floats(samples: &[i16]) -> Vec<f64> {
    samples.iter().map(|sample| f64::from(*sample)).collect()
}

fn energy(samples: &[f64]) -> f64 {
    samples.iter().map(|sample| sample * sample).sum()
}
