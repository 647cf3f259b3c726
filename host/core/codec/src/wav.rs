//! WAV in memory: mono, 8 or 16 kHz, PCM16, A-law or µ-law in; PCM16 out. Input comes from tenants (D10): every size in
//! it is checked against the bytes that are there, and the audio against the caller's limit.

use crate::{Codec, Decoder, SampleRate};

/// Audio read from a file or to be written to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wav {
    /// Samples a second.
    pub rate: SampleRate,
    /// Mono samples.
    pub samples: Vec<i16>,
}

/// Reads a file with at most `samples_max` samples. A file cut off in its data is read as far as it goes.
pub fn read(bytes: &[u8], samples_max: usize) -> Result<Wav, WavError> {
    let mut format = None;
    for chunk in chunks(bytes)? {
        match &chunk.id {
            b"fmt " => format = Some(Format::parse(chunk.body)?),
            b"data" => return format.ok_or(WavError::NoFormat)?.decode(chunk.body, samples_max),
            _ => {}
        }
    }
    Err(WavError::NoData)
}

/// Tells whether [`read`] would take a file of which only the beginning is here: its audio may lie beyond. `length` is the whole file's.
pub fn check(beginning: &[u8], length: u64, samples_max: usize) -> Result<SampleRate, WavError> {
    let mut format = None;
    for chunk in chunks(beginning)? {
        match &chunk.id {
            b"fmt " => format = Some(Format::parse(chunk.body)?),
            b"data" => {
                let format = format.ok_or(WavError::NoFormat)?;
                // As much as the chunk says, or the file has.
                let audio = u64::from(chunk.len).min(length.saturating_sub(chunk.at as u64));
                let samples = audio / format.bytes_per_sample() as u64;
                return if samples > samples_max as u64 { Err(WavError::TooLong) } else { Ok(format.rate) };
            }
            _ => {}
        }
    }
    Err(WavError::NoData)
}

/// A whole file of 16-bit PCM.
pub fn write(wav: &Wav) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_LEN + 2 * wav.samples.len());
    bytes.extend_from_slice(&header(wav.rate, wav.samples.len()));
    bytes.extend(wav.samples.iter().flat_map(|sample| sample.to_le_bytes()));
    bytes
}

/// The header before so many samples of 16-bit PCM; written again when a recording's length is known.
pub fn header(rate: SampleRate, samples: usize) -> [u8; HEADER_LEN] {
    let data_len = u32::try_from(samples.saturating_mul(2)).unwrap_or(u32::MAX - HEADER_LEN as u32);
    let mut header = [0; HEADER_LEN];
    header[..4].copy_from_slice(b"RIFF");
    header[4..8].copy_from_slice(&(data_len + HEADER_LEN as u32 - 8).to_le_bytes());
    header[8..16].copy_from_slice(b"WAVEfmt ");
    header[16..20].copy_from_slice(&16_u32.to_le_bytes());
    header[20..22].copy_from_slice(&PCM.to_le_bytes());
    header[22..24].copy_from_slice(&1_u16.to_le_bytes());
    header[24..28].copy_from_slice(&rate.hz().to_le_bytes());
    header[28..32].copy_from_slice(&(rate.hz() * 2).to_le_bytes());
    header[32..34].copy_from_slice(&2_u16.to_le_bytes());
    header[34..36].copy_from_slice(&16_u16.to_le_bytes());
    header[36..40].copy_from_slice(b"data");
    header[40..44].copy_from_slice(&data_len.to_le_bytes());
    header
}

/// Length of the header `header` makes.
pub const HEADER_LEN: usize = 44;

/// Why a file was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// No RIFF/WAVE header.
    #[error("not a WAV file")]
    NotWav,
    /// Data before, or without, a format.
    #[error("the WAV file does not say its format")]
    NoFormat,
    /// No data chunk among the first ones.
    #[error("the WAV file has no audio")]
    NoData,
    /// Another coding than 16-bit PCM, A-law or µ-law.
    #[error("the WAV file must be 16-bit PCM, A-law or µ-law (format {tag} with {bits} bits)")]
    Coding {
        /// Format tag.
        tag: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// Not mono.
    #[error("the WAV file must have one channel, not {0}")]
    Channels(u16),
    /// Not 8 or 16 kHz.
    #[error("the WAV file must have 8000 or 16000 samples a second, not {0}")]
    Rate(u32),
    /// More samples than the caller allows.
    #[error("the WAV file is too long")]
    TooLong,
}

/// Most chunks looked at before the data.
const CHUNKS_MAX: usize = 64;
/// A chunk's name and length.
const CHUNK_HEADER_LEN: usize = 8;

const PCM: u16 = 1;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
/// The real tag is the first two bytes of a GUID.
const EXTENSIBLE: u16 = 0xfffe;

struct Chunk<'a> {
    id: [u8; 4],
    /// Where its body begins in the file.
    at: usize,
    /// What it says of its length.
    len: u32,
    /// As much of it as is there.
    body: &'a [u8],
}

/// The first chunks of a file.
fn chunks(bytes: &[u8]) -> Result<impl Iterator<Item = Chunk<'_>>, WavError> {
    let Some((b"RIFF", rest)) = bytes.split_first_chunk() else { return Err(WavError::NotWav) };
    let Some((_, rest)) = rest.split_first_chunk::<4>() else { return Err(WavError::NotWav) };
    let Some((b"WAVE", mut rest)) = rest.split_first_chunk() else { return Err(WavError::NotWav) };
    let next = move || {
        let at = bytes.len() - rest.len() + CHUNK_HEADER_LEN;
        let (id, after) = rest.split_first_chunk::<4>()?;
        let (len, after) = after.split_first_chunk::<4>()?;
        let len = u32::from_le_bytes(*len);
        let there = (len as usize).min(after.len());
        // Chunks are padded to an even length.
        rest = &after[(len as usize).saturating_add(len as usize % 2).min(after.len())..];
        Some(Chunk { id: *id, at, len, body: &after[..there] })
    };
    Ok(std::iter::from_fn(next).take(CHUNKS_MAX))
}

struct Format {
    coding: Coding,
    rate: SampleRate,
}

enum Coding {
    Pcm16,
    Companded(Codec),
}

impl Format {
    fn parse(body: &[u8]) -> Result<Self, WavError> {
        let field = |at: usize| Some(u16::from_le_bytes(*body.get(at..)?.first_chunk()?));
        let (Some(tag), Some(channels), Some(low), Some(high), Some(bits)) =
            (field(0), field(2), field(4), field(6), field(14))
        else {
            return Err(WavError::NoFormat);
        };
        let tag = if tag == EXTENSIBLE { field(24).ok_or(WavError::NoFormat)? } else { tag };
        let coding = match (tag, bits) {
            (PCM, 16) => Coding::Pcm16,
            (ALAW, 8) => Coding::Companded(Codec::Pcma),
            (ULAW, 8) => Coding::Companded(Codec::Pcmu),
            _ => return Err(WavError::Coding { tag, bits }),
        };
        if channels != 1 {
            return Err(WavError::Channels(channels));
        }
        let hz = u32::from(high) << 16 | u32::from(low);
        let rate = SampleRate::from_hz(hz).ok_or(WavError::Rate(hz))?;
        Ok(Self { coding, rate })
    }

    fn bytes_per_sample(&self) -> usize {
        if matches!(self.coding, Coding::Pcm16) { 2 } else { 1 }
    }

    fn decode(&self, body: &[u8], samples_max: usize) -> Result<Wav, WavError> {
        if body.len() / self.bytes_per_sample() > samples_max {
            return Err(WavError::TooLong);
        }
        let samples = match self.coding {
            Coding::Pcm16 => body.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect(),
            Coding::Companded(codec) => {
                let mut samples = Vec::with_capacity(body.len());
                Decoder::new(codec).decode(body, &mut samples);
                samples
            }
        };
        Ok(Wav { rate: self.rate, samples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Wav {
        Wav { rate: SampleRate::Hz16000, samples: vec![0, 1, -1, i16::MAX, i16::MIN] }
    }

    #[test]
    fn what_is_written_is_read_back() {
        assert_eq!(read(&write(&example()), 5), Ok(example()));
        assert_eq!(read(&write(&example()), 4), Err(WavError::TooLong));
    }

    #[test]
    fn companded_audio_is_decoded() {
        for (tag, codec) in [(ALAW, Codec::Pcma), (ULAW, Codec::Pcmu)] {
            let mut bytes = header(SampleRate::Hz8000, 2).to_vec();
            bytes[20..22].copy_from_slice(&tag.to_le_bytes());
            bytes[34] = 8;
            bytes.extend([0x12, 0x34, 0x56, 0x78]);
            let mut expected = Vec::new();
            Decoder::new(codec).decode(&[0x12, 0x34, 0x56, 0x78], &mut expected);
            assert_eq!(read(&bytes, 100), Ok(Wav { rate: SampleRate::Hz8000, samples: expected }));
        }
    }

    #[test]
    fn other_chunks_are_skipped_and_a_cut_file_is_read_as_far_as_it_goes() {
        let whole = write(&example());
        let mut with_list = whole[..36].to_vec();
        with_list.extend(b"LIST\x03\0\0\0abc\0");
        with_list.extend(&whole[36..]);
        assert_eq!(read(&with_list, 100), Ok(example()));
        assert_eq!(read(&whole[..whole.len() - 3], 100).unwrap().samples, [0, 1, -1]);
    }

    /// The beginning is enough to tell, and tells the same as the whole file.
    #[test]
    fn a_check_of_the_beginning_agrees_with_reading() {
        let whole = write(&example());
        let length = whole.len() as u64;
        assert_eq!(check(&whole[..HEADER_LEN], length, 5), Ok(SampleRate::Hz16000));
        assert_eq!(check(&whole[..HEADER_LEN], length, 4), Err(WavError::TooLong));
        assert_eq!(check(&whole[..HEADER_LEN - 9], length, 5), Err(WavError::NoFormat), "cut off in its format");
        for at in 0..HEADER_LEN {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                assert_eq!(check(&bytes, length, 5).err(), read(&bytes, 5).err(), "byte {at} is {value}");
            }
        }
    }

    #[test]
    fn wrong_formats_are_named() {
        let patch = |at: usize, value: u8| {
            let mut bytes = write(&example());
            bytes[at] = value;
            read(&bytes, 100)
        };
        assert_eq!(patch(0, b'X'), Err(WavError::NotWav));
        assert_eq!(patch(20, 85), Err(WavError::Coding { tag: 85, bits: 16 }));
        assert_eq!(patch(34, 24), Err(WavError::Coding { tag: 1, bits: 24 }));
        assert_eq!(patch(22, 2), Err(WavError::Channels(2)));
        assert_eq!(patch(24, 0x81), Err(WavError::Rate(16001)));
        assert_eq!(patch(12, b'X'), Err(WavError::NoFormat));
        assert_eq!(patch(36, b'X'), Err(WavError::NoData));
    }

    /// D10: no byte of a prompt can make the reader panic or allocate more than the input.
    #[test]
    fn hostile_files_are_refused_or_read_within_bounds() {
        let whole = write(&example());
        for len in 0..whole.len() {
            let outcome = read(&whole[..len], 100);
            assert!(outcome.map_or(true, |wav| wav.samples.len() <= 5));
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[at] = value;
                assert!(read(&bytes, 100).map_or(true, |wav| wav.samples.len() <= 5));
            }
        }
        let endless_chunks = [&whole[..12], &b"junk\0\0\0\0".repeat(1000)].concat();
        assert_eq!(read(&endless_chunks, 100), Err(WavError::NoData));
    }
}
