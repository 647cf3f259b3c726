//! Recording a leg: samples from its media thread into a WAV blob of the tenant.

use std::time::Duration;

use call::{Input, LegId, RequestError};
use codec::SampleRate;
use codec::wav;
use media::engine::{Command, RecordOptions};
use store::{BlobError, BlobName, BlobWriter, Blobs};
use tokio::sync::mpsc;

use super::CallTask;
use super::leg::Leg;
use super::message::Message;

/// Chunks of samples that may wait for the disk; more than that and the recording ends, the call goes on.
const CHUNKS_WAITING: usize = 64;

/// Telephone audio is recorded as it is heard: 8 kHz, 16 bits.
const RATE: SampleRate = SampleRate::Hz8000;

/// A recording that is going on.
pub(crate) struct Recording {
    number: u32,
    blob: String,
    /// None once the disk was too slow.
    chunks: Option<mpsc::Sender<Chunk>>,
}

enum Chunk {
    Samples(Vec<i16>),
    /// Nothing follows: store it, and say how long it is.
    End {
        duration_ms: u64,
    },
}

impl CallTask {
    pub(super) fn start_record(&mut self, leg: LegId, blob: String, max_ms: u64, silence_ms: Option<u64>) {
        let place = self.shared.take_recording_place(&self.tenant);
        let name = BlobName::new(&blob).map_err(|error| RequestError::Invalid(error.to_string()));
        // Without media there is nothing to be heard, now or later.
        let state = self.legs.get_mut(&leg).filter(|state| state.media.is_some()).ok_or(RequestError::Gone);
        let (place, name, state) = match (place, name, state) {
            (Ok(place), Ok(name), Ok(state)) => (place, name, state),
            (Err(error), ..) | (_, Err(error), _) | (.., Err(error)) => {
                return self.input(Input::RecordEnded { leg, blob, stored: Err(error) });
            }
        };
        self.requests += 1;
        let number = self.requests as u32;
        let (chunks, waiting) = mpsc::channel(CHUNKS_WAITING);
        state.recording = Some(Recording { number, blob: blob.clone(), chunks: Some(chunks) });
        let blobs = self.tenant.store.blobs();
        let inbox = self.sender.clone();
        self.shared.tasks.spawn_blocking(move || {
            let stored = blobs.map_err(BlobError::from).and_then(|blobs| write(&blobs, &name, waiting));
            let stored = stored.map_err(|error| {
                tracing::error!(blob = name.as_str(), %error, "a recording could not be stored");
                RequestError::Failed("nothing could be stored".to_owned())
            });
            drop(place);
            // The call may have ended meanwhile; the recording is stored all the same.
            drop(inbox.blocking_send(Message::Input(Box::new(Input::RecordEnded { leg, blob, stored }))));
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
        let full = recording.chunks.as_ref().is_some_and(|chunks| chunks.try_send(Chunk::Samples(samples)).is_err());
        if full {
            tracing::error!(blob = recording.blob, "the disk is too slow for a recording: it ends here");
            recording.chunks = None;
            self.stop_record(leg);
        }
    }

    pub(super) fn record_ended(&mut self, leg: LegId, number: u32, duration_ms: u64) {
        if self.recording(leg, number).is_none() {
            return;
        }
        let recording = self.legs.get_mut(&leg).and_then(|leg| leg.recording.take());
        if let Some(recording) = recording {
            end(recording, duration_ms);
        }
    }

    /// The leg is gone: what was recorded so far is kept.
    pub(super) fn abandon_record(&mut self, leg: LegId, state: &mut Leg) {
        if let Some(recording) = state.recording.take() {
            tracing::debug!(call = %self.id, %leg, blob = recording.blob, "recording ends with its leg");
            end(recording, 0);
        }
    }

    fn recording(&mut self, leg: LegId, number: u32) -> Option<&mut Recording> {
        self.legs.get_mut(&leg)?.recording.as_mut().filter(|recording| recording.number == number)
    }
}

/// Lets the writer finish. A full queue ends it by its closing, after what is in it was written.
fn end(recording: Recording, duration_ms: u64) {
    if let Some(chunks) = recording.chunks {
        drop(chunks.try_send(Chunk::End { duration_ms }));
    }
}

/// Writes until the end, then makes the file whole and durable, be there something in it or not; its length in milliseconds.
fn write(blobs: &Blobs, name: &BlobName, mut chunks: mpsc::Receiver<Chunk>) -> Result<u64, BlobError> {
    let mut writer: BlobWriter = blobs.create(name)?;
    writer.append(&wav::header(RATE, 0))?;
    let mut samples = 0;
    while let Some(chunk) = chunks.blocking_recv() {
        match chunk {
            Chunk::Samples(chunk) => {
                samples += chunk.len();
                let bytes: Vec<u8> = chunk.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                writer.append(&bytes)?;
            }
            Chunk::End { duration_ms } => {
                tracing::trace!(duration_ms, samples, "recording ended");
                break;
            }
        }
    }
    writer.replace_start(&wav::header(RATE, samples))?;
    writer.finish()?;
    Ok(samples as u64 * 1000 / u64::from(RATE.hz()))
}
