//! A tenant's prompts, decoded once and kept.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use call::TenantId;
use codec::tone::Tone;
use codec::{SampleRate, wav};
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
    prompts: HashMap<String, Arc<Prompt>>,
    order: VecDeque<String>,
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

    /// Forgets what was decoded: files may have changed.
    pub(crate) fn reload(&self, language: String) {
        let mut decoded = self.library.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        *decoded = Decoded { language, ..Decoded::default() };
    }

    pub(crate) fn resolve(&self, prompts: &[String]) -> Resolved {
        let mut wanted = Vec::with_capacity(prompts.len());
        for prompt in prompts {
            match self.library.want(prompt) {
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
            let load = move || wanted.into_iter().map(|one| library.load(one)).collect();
            tokio::task::spawn_blocking(load).await.unwrap_or_else(|error| Err(error.to_string()))
        }))
    }
}

impl Library {
    fn want(&self, prompt: &str) -> Option<Wanted> {
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
        let decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        match decoded.prompts.get(name.as_str()) {
            Some(prompt) => Some(Wanted::Here(Source::Prompt(Arc::clone(prompt)))),
            None => Some(Wanted::Sound(name)),
        }
    }

    /// Reads and decodes; runs where blocking is allowed.
    fn load(&self, wanted: Wanted) -> Result<Source, String> {
        match wanted {
            Wanted::Here(source) => Ok(source),
            Wanted::Sound(name) => self.load_sound(&name).ok_or_else(|| name.as_str().to_owned()),
            // Recordings change and are rarely heard twice: they are not kept.
            Wanted::Blob(name) => self.load_blob(&name).ok_or_else(|| format!("blob:{}", name.as_str())),
        }
    }

    fn load_sound(&self, name: &SoundName) -> Option<Source> {
        let language = self.decoded.lock().unwrap_or_else(PoisonError::into_inner).language.clone();
        let bytes = self.source.load(&self.tenant, &language, name).unwrap_or_else(|error| {
            tracing::error!(tenant = %self.tenant, sound = name.as_str(), %error, "a sound cannot be read");
            None
        });
        let prompt = self.decode(name.as_str(), &bytes?)?;
        self.keep(name.as_str().to_owned(), Arc::clone(&prompt));
        Some(Source::Prompt(prompt))
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
            Ok(wav) => Some(Arc::new(Prompt { rate: wav.rate, samples: wav.samples })),
            Err(error) => {
                tracing::error!(tenant = %self.tenant, sound = name, %error, "a sound cannot be decoded");
                None
            }
        }
    }

    fn keep(&self, name: String, prompt: Arc<Prompt>) {
        let mut decoded = self.decoded.lock().unwrap_or_else(PoisonError::into_inner);
        if decoded.prompts.insert(name.clone(), prompt).is_none() {
            decoded.order.push_back(name);
        }
        if decoded.order.len() > limit::PROMPTS_PER_TENANT
            && let Some(oldest) = decoded.order.pop_front()
        {
            decoded.prompts.remove(&oldest);
        }
    }
}
