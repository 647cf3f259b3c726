//! Recording a leg: samples from its media thread into a WAV blob of the tenant.

use std::time::Duration;

use call::{Input, LegId, RequestError};
use codec::SampleRate;
use codec::wav;
use media::engine::{Command, RecordEnd, RecordOptions};
use store::{BlobError, BlobName, BlobWriter};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::CallTask;
use super::leg::Leg;
use super::message::Message;

/// Chunks of samples that may wait for the disk; more than that and the recording ends, the call goes on.
const CHUNKS_WAITING: usize = 64;

/// Telephone audio is recorded as it is heard: 8 kHz, 16 bits.
const RATE: SampleRate = SampleRate::Hz8000;

/// What stays of the silence that ended a recording.
const SILENCE_KEPT_MS: u64 = 500;

/// A recording that is going on.
pub(crate) struct Recording {
    number: u32,
    blob: String,
    /// None once the disk was too slow.
    chunks: Option<mpsc::Sender<Chunk>>,
}

enum Chunk {
    Samples(Vec<i16>),
    /// Nothing follows: store it.
    End(RecordEnd),
}

impl CallTask {
    pub(super) fn start_record(
        &mut self,
        leg: LegId,
        (blob, quota): (String, Option<u64>),
        max_ms: u64,
        silence_ms: Option<u64>,
    ) {
        let place = self.shared.take_recording_place(&self.tenant);
        let name = BlobName::new(&blob).map_err(|error| RequestError::Invalid(error.to_string()));
        // Without media there is nothing to be heard, now or later.
        let state = self.legs.get_mut(&leg).filter(|state| state.media.is_some()).ok_or(RequestError::Gone);
        let (place, name, state) = match (place, name, state) {
            (Ok(place), Ok(name), Ok(state)) => (place, name, state),
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
                return self.input(Input::RecordEnded { leg, blob, stored: Err(error), silence: false });
            }
        };
        self.requests += 1;
        let number = self.requests as u32;
        let (chunks, waiting) = mpsc::channel(CHUNKS_WAITING);
        state.recording = Some(Recording { number, blob: blob.clone(), chunks: Some(chunks) });
        let blobs = self.tenant.store.blobs();
        let inbox = self.sender.clone();
        self.shared.tasks.spawn_blocking(move || {
            let writer = blobs.map_err(BlobError::from).and_then(|blobs| blobs.create_within(&name, quota));
            let written = writer.and_then(|writer| write(writer, waiting, silence_ms.unwrap_or(0)));
            let silence = matches!(written, Ok(Written { end: Some(RecordEnd::Silence), .. }));
            let stored = match written {
                Ok(Written { samples, .. }) => Ok(samples * 1_000 / u64::from(RATE.hz())),
                Err(error) => {
                    tracing::error!(blob = name.as_str(), %error, "a recording could not be stored");
                    Err(match error {
                        BlobError::Quota { .. } => RequestError::Limit,
                        other => RequestError::Failed(other.to_string()),
                    })
                }
            };
            drop(place);
            // The call may have ended meanwhile; the recording is stored all the same.
            drop(inbox.blocking_send(Message::Input(Box::new(Input::RecordEnded { leg, blob, stored, silence }))));
        });
        let options = RecordOptions {
            rate: RATE,
            max: Duration::from_millis(max_ms),
            silence: silence_ms.map(Duration::from_millis),
            // Digits come to the call, which decides what they end.
            terminators: String::new(),
        };
        self.media_command(leg, |leg| Command::Record { leg, record: number, options });
    }

    pub(super) fn stop_record(&mut self, leg: LegId) {
        let Some(number) = self.legs.get(&leg).and_then(|leg| leg.recording.as_ref()).map(|record| record.number)
        else {
            return;
        };
        self.media_command(leg, |leg| Command::StopRecord { leg, record: number });
    }

    pub(super) fn recorded(&mut self, leg: LegId, number: u32, samples: Vec<i16>) {
        let Some(recording) = self.recording(leg, number) else { return };
        let Some(chunks) = &recording.chunks else { return };
        match chunks.try_send(Chunk::Samples(samples)) {
            Ok(()) => return,
            Err(TrySendError::Full(_)) => {
                tracing::error!(blob = recording.blob, "the disk is too slow for a recording: it ends here");
            }
            // The writer has said why.
            Err(TrySendError::Closed(_)) => {}
        }
        recording.chunks = None;
        self.stop_record(leg);
    }

    pub(super) fn record_ended(&mut self, leg: LegId, number: u32, reason: RecordEnd) {
        if self.recording(leg, number).is_none() {
            return;
        }
        let recording = self.legs.get_mut(&leg).and_then(|leg| leg.recording.take());
        if let Some(recording) = recording {
            end(recording, reason);
        }
    }

    /// The leg is gone: what was recorded so far is kept.
    pub(super) fn abandon_record(&mut self, leg: LegId, state: &mut Leg) {
        if let Some(recording) = state.recording.take() {
            tracing::debug!(call = %self.id, %leg, blob = recording.blob, "recording ends with its leg");
            end(recording, RecordEnd::Removed);
        }
    }

    fn recording(&mut self, leg: LegId, number: u32) -> Option<&mut Recording> {
        self.legs.get_mut(&leg)?.recording.as_mut().filter(|recording| recording.number == number)
    }
}

/// Lets the writer finish. A full queue ends it by its closing, after what is in it was written.
fn end(recording: Recording, reason: RecordEnd) {
    if let Some(chunks) = recording.chunks {
        drop(chunks.try_send(Chunk::End(reason)));
    }
}

/// What is on disk.
struct Written {
    samples: u64,
    end: Option<RecordEnd>,
}

/// Writes until the end, then makes the file whole and durable, be there something in it or not. What does not fit any more ends it;
/// what was there before is kept.
fn write(mut writer: BlobWriter, mut chunks: mpsc::Receiver<Chunk>, silence_ms: u64) -> Result<Written, BlobError> {
    let header_bytes = wav::header(RATE, 0).len() as u64;
    writer.append(&wav::header(RATE, 0))?;
    let mut written = Written { samples: 0, end: None };
    while let Some(chunk) = chunks.blocking_recv() {
        match chunk {
            Chunk::Samples(chunk) => {
                let bytes: Vec<u8> = chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                match writer.append(&bytes) {
                    Err(error @ (BlobError::Quota { .. } | BlobError::DiskFull(_))) if written.samples > 0 => {
                        tracing::warn!(%error, "a recording ends here");
                        break;
                    }
                    appended => appended?,
                }
                written.samples += chunk.len() as u64;
            }
            Chunk::End(reason) => {
                written.end = Some(reason);
                break;
            }
        }
    }
    if written.end == Some(RecordEnd::Silence) {
        let silent = silence_ms.saturating_sub(SILENCE_KEPT_MS).saturating_mul(u64::from(RATE.hz())) / 1_000;
        written.samples = written.samples.saturating_sub(silent);
    }
    writer.conclude(&wav::header(RATE, written.samples as usize), header_bytes + written.samples * 2)?;
    writer.finish()?;
    Ok(written)
}
