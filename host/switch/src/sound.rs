//! A tenant's prompts: decoded once, encoded once for each codec that somebody heard them with, and kept within bounds.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use call::TenantId;
use codec::tone::Tone;
use codec::{Codec, SampleRate, wav};
use media::engine::{Prompt, Source};
use plugin::BoxFuture;
use store::{BlobError, BlobName, TenantStore};

use crate::limit;
use crate::port::{SoundName, SoundSource};

/// Turns the texts of prompts into audio.
pub(crate) struct Sounds {
    library: Arc<Library>,
}

/// What became of a list of prompts.
pub(crate) enum Resolved {
    /// All are there.
    Ready(Vec<Source>),
    /// This one is not a sound, or does not exist.
    Missing(String),
    /// Some must be read first. An error names the one that does not exist or cannot be read.
    Load(BoxFuture<'static, Result<Vec<Source>, String>>),
}

struct Library {
    tenant: TenantId,
    store: TenantStore,
    source: Arc<dyn SoundSource>,
    /// Prompts by language and name. Locked for one look-up at a time, by calls of this tenant only.
    decoded: Mutex<Decoded>,
}

#[derive(Default)]
struct Decoded {
    language: String,
    /// How often all was forgotten.
    generation: u64,
    prompts: HashMap<String, Arc<Prompt>>,
    order: VecDeque<String>,
    /// What all of them take.
    bytes: usize,
}

/// One prompt of a list, before its audio is there.
enum Wanted {
    Here(Source),
    Sound(SoundName),
    Blob(BlobName),
}

impl Sounds {
    pub(crate) fn new(tenant: TenantId, language: String, store: TenantStore, source: Arc<dyn SoundSource>) -> Self {
        let decoded = Mutex::new(Decoded { language, ..Decoded::default() });
        Self { library: Arc::new(Library { tenant, store, source, decoded }) }
    }

    /// Forgets what was decoded: files may have changed. What is being read just now will be heard once and not kept.
    pub(crate) fn reload(&self, language: String) {
        let mut decoded = self.library.decoded();
        *decoded = Decoded { language, generation: decoded.generation + 1, ..Decoded::default() };
    }

    /// The same, where the language stays.
    pub(crate) fn forget(&self) {
        let language = self.library.decoded().language.clone();
        self.reload(language);
    }

    /// The audio of `prompts` for a leg that hears `codec`.
    pub(crate) fn resolve(&self, prompts: &[String], codec: Codec) -> Resolved {
        let mut wanted = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            match self.library.want(prompt, codec) {
                Some(one) => wanted.push(one),
                None => return Resolved::Missing(prompt.clone()),
            }
        }
        if wanted.iter().all(|one| matches!(one, Wanted::Here(_))) {
            let sources = wanted.into_iter().filter_map(|one| match one {
                Wanted::Here(source) => Some(source),
                Wanted::Sound(_) | Wanted::Blob(_) => None,
            });
            return Resolved::Ready(sources.collect());
        }
        let library = Arc::clone(&self.library);
        Resolved::Load(Box::pin(async move {
            let load = move || wanted.into_iter().map(|one| library.load(one, codec)).collect();
            tokio::task::spawn_blocking(load).await.unwrap_or_else(|error| Err(error.to_string()))
        }))
    }
}

impl Library {
    fn want(&self, prompt: &str, codec: Codec) -> Option<Wanted> {
        if let Some(tone) = prompt.strip_prefix("tone:") {
            return Some(Wanted::Here(Source::Tone(Arc::new(Tone::parse(tone).ok()?))));
        }
        if let Some(ms) = prompt.strip_prefix("silence:") {
            let silence = Duration::from_millis(ms.parse().ok()?).min(limit::PROMPT_LENGTH);
            return Some(Wanted::Here(Source::Silence(silence)));
        }
        if let Some(blob) = prompt.strip_prefix("blob:") {
            return Some(Wanted::Blob(BlobName::new(blob).ok()?));
        }
        let name = SoundName::new(prompt)?;
        match self.kept(&name).filter(|prompt| prompt.encoding(codec).is_some()) {
            Some(prompt) => Some(Wanted::Here(Source::Prompt(prompt))),
            None => Some(Wanted::Sound(name)),
        }
    }

    fn decoded(&self) -> MutexGuard<'_, Decoded> {
        self.decoded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, name: &SoundName) -> Option<Arc<Prompt>> {
        self.decoded().prompts.get(name.as_str()).cloned()
    }

    /// Reads, decodes and encodes; runs where blocking is allowed.
    fn load(&self, wanted: Wanted, codec: Codec) -> Result<Source, String> {
        match wanted {
            Wanted::Here(source) => Ok(source),
            Wanted::Sound(name) => self.load_sound(&name, codec).ok_or_else(|| name.as_str().to_owned()),
            // Recordings change and are rarely heard twice: they are not kept.
            Wanted::Blob(name) => self.load_blob(&name).ok_or_else(|| format!("blob:{}", name.as_str())),
        }
    }

    fn load_sound(&self, name: &SoundName, codec: Codec) -> Option<Source> {
        let (generation, language, kept) = {
            let decoded = self.decoded();
            (decoded.generation, decoded.language.clone(), decoded.prompts.get(name.as_str()).cloned())
        };
        let prompt = match kept {
            Some(prompt) => prompt,
            None => self.read(name, &language)?,
        };
        let prompt = Arc::new(prompt.encode(codec));
        self.keep(generation, name.as_str().to_owned(), Arc::clone(&prompt));
        Some(Source::Prompt(prompt))
    }

    fn read(&self, name: &SoundName, language: &str) -> Option<Arc<Prompt>> {
        let bytes = self.source.load(&self.tenant, language, name).unwrap_or_else(|error| {
            tracing::error!(tenant = %self.tenant, sound = name.as_str(), %error, "a sound cannot be read");
            None
        });
        self.decode(name.as_str(), &bytes?)
    }

    fn load_blob(&self, name: &BlobName) -> Option<Source> {
        let read = || self.store.blobs()?.get(name);
        let bytes = read().unwrap_or_else(|error: BlobError| {
            tracing::error!(tenant = %self.tenant, blob = name.as_str(), %error, "a recording cannot be read");
            None
        });
        self.decode(name.as_str(), &bytes?).map(Source::Prompt)
    }

    fn decode(&self, name: &str, bytes: &[u8]) -> Option<Arc<Prompt>> {
        let samples_max = limit::PROMPT_LENGTH.as_secs() as usize * SampleRate::Hz16000.hz() as usize;
        match wav::read(bytes, samples_max) {
            Ok(wav) => Some(Arc::new(Prompt::new(wav.rate, wav.samples))),
            Err(error) => {
                tracing::error!(tenant = %self.tenant, sound = name, %error, "a sound cannot be decoded");
                None
            }
        }
    }

    /// Keeps a prompt that was begun to be read in this generation; the oldest ones go until all is within the bounds.
    fn keep(&self, generation: u64, name: String, prompt: Arc<Prompt>) {
        let mut decoded = self.decoded();
        if decoded.generation != generation {
            // The file may have changed since.
            return;
        }
        decoded.bytes += prompt.bytes();
        match decoded.prompts.insert(name.clone(), prompt) {
            Some(former) => decoded.bytes -= former.bytes(),
            None => decoded.order.push_back(name),
        }
        while decoded.order.len() > limit::PROMPTS_PER_TENANT || decoded.bytes > limit::PROMPT_BYTES_PER_TENANT {
            let Some(oldest) = decoded.order.pop_front() else { return };
            if let Some(gone) = decoded.prompts.remove(&oldest) {
                decoded.bytes -= gone.bytes();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Barrier;

    use super::*;

    /// Sounds that are silence of so many samples, and how often each was read.
    struct Shelf {
        sounds: BTreeMap<String, usize>,
        read: Mutex<Vec<String>>,
        /// Who reads `slow` waits here before and after.
        gate: Barrier,
    }

    impl SoundSource for Shelf {
        fn load(&self, _: &TenantId, _: &str, name: &SoundName) -> std::io::Result<Option<Vec<u8>>> {
            let Some(&samples) = self.sounds.get(name.as_str()) else { return Ok(None) };
            self.read.lock().unwrap().push(name.as_str().to_owned());
            if name.as_str() == "slow" {
                self.gate.wait();
                self.gate.wait();
            }
            Ok(Some(wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples: vec![0; samples] })))
        }
    }

    struct Rig {
        sounds: Sounds,
        shelf: Arc<Shelf>,
        _directory: tempfile::TempDir,
    }

    fn rig(sounds: &[(&str, usize)]) -> Rig {
        let directory = tempfile::tempdir().unwrap();
        let tenant = TenantId::new("acme").unwrap();
        let store = store::Store::open(directory.path()).unwrap().tenant(&tenant);
        let sounds = sounds.iter().map(|(name, samples)| ((*name).to_owned(), *samples)).collect();
        let shelf = Arc::new(Shelf { sounds, read: Mutex::default(), gate: Barrier::new(2) });
        let sounds = Sounds::new(tenant, "en".to_owned(), store, Arc::clone(&shelf) as _);
        Rig { sounds, shelf, _directory: directory }
    }

    impl Rig {
        /// What is played, and whether it was there at once.
        async fn play(&self, name: &str, codec: Codec) -> (Option<Arc<Prompt>>, bool) {
            let (sources, at_once) = match self.sounds.resolve(&[name.to_owned()], codec) {
                Resolved::Ready(sources) => (Some(sources), true),
                Resolved::Load(load) => (load.await.ok(), false),
                Resolved::Missing(name) => panic!("{name} is no name"),
            };
            let prompt = sources.and_then(|sources| match sources.into_iter().next() {
                Some(Source::Prompt(prompt)) => Some(prompt),
                _ => None,
            });
            (prompt, at_once)
        }

        fn kept(&self) -> (usize, usize) {
            let decoded = self.sounds.library.decoded.lock().unwrap();
            let bytes: usize = decoded.prompts.values().map(|prompt| prompt.bytes()).sum();
            assert_eq!((decoded.bytes, decoded.order.len()), (bytes, decoded.prompts.len()));
            (decoded.prompts.len(), bytes)
        }
    }

    /// P10: a prompt is read and decoded once, and encoded once for each codec.
    #[tokio::test]
    async fn a_prompt_is_read_once_and_encoded_once_per_codec() {
        let rig = rig(&[("hello", 1_600)]);
        for (codec, at_once) in [(Codec::Pcma, false), (Codec::Pcma, true), (Codec::G722, false), (Codec::Pcma, true)] {
            let (prompt, was_there) = rig.play("hello", codec).await;
            assert_eq!(prompt.unwrap().encoding(codec).unwrap().len(), 1_600);
            assert_eq!(was_there, at_once, "{codec:?}");
        }
        assert_eq!(*rig.shelf.read.lock().unwrap(), ["hello"]);
        assert_eq!(rig.kept(), (1, 3_200 + 2 * 1_600));
        rig.sounds.reload("en".to_owned());
        assert_eq!(rig.kept(), (0, 0));
        rig.play("hello", Codec::Pcma).await;
        assert_eq!(rig.shelf.read.lock().unwrap().len(), 2, "the file may have changed");
    }

    #[tokio::test]
    async fn a_prompt_that_is_read_while_files_change_is_not_kept() {
        let rig = Arc::new(rig(&[("slow", 1_600)]));
        let reader = Arc::clone(&rig);
        let read = tokio::spawn(async move { reader.play("slow", Codec::Pcma).await });
        tokio::task::yield_now().await;
        rig.shelf.gate.wait();
        rig.sounds.reload("en".to_owned());
        rig.shelf.gate.wait();
        assert!(read.await.unwrap().0.is_some(), "who began to wait for it hears it");
        assert_eq!(rig.kept(), (0, 0), "nobody else hears what may be old");
    }

    #[tokio::test]
    async fn a_missing_prompt_is_not_kept() {
        let rig = rig(&[]);
        assert!(rig.play("hello", Codec::Pcma).await.0.is_none());
        assert_eq!(rig.kept(), (0, 0));
    }

    /// At the bounds of number and bytes the oldest go.
    #[tokio::test]
    async fn what_is_kept_is_bounded() {
        let names: Vec<String> = (0..=limit::PROMPTS_PER_TENANT).map(|number| format!("n{number}")).collect();
        let small: Vec<(&str, usize)> = names.iter().map(|name| (name.as_str(), 160)).collect();
        let many = rig(&small);
        for name in &names {
            many.play(name, Codec::Pcma).await;
        }
        assert_eq!(many.kept(), (limit::PROMPTS_PER_TENANT, limit::PROMPTS_PER_TENANT * (320 + 160)));
        assert!(!many.play(&names[0], Codec::Pcma).await.1, "the oldest went");
        // Two bytes a sample and one for the encoding: a third of the bound each, and a packet more.
        let third = limit::PROMPT_BYTES_PER_TENANT / 9 / 160 * 160 + 160;
        let large = rig(&[("a", third), ("b", third), ("c", third)]);
        for name in ["a", "b", "c"] {
            large.play(name, Codec::Pcma).await;
        }
        assert_eq!(large.kept(), (2, 2 * third * 3));
        assert!(large.play("b", Codec::Pcma).await.1 && !large.play("a", Codec::Pcma).await.1);
    }
}
