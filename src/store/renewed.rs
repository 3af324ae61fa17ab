//! Credentials that another program gives and that last for a time: kept, and asked for again before they end.
#![expect(clippy::disallowed_methods, reason = "credentials last for a time")]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use object_store::{CredentialProvider, Error};

use crate::program::Limits;

/// Of a program that is asked. Longer than it takes to ask another service; nobody is there to answer a question. More
/// than it has to say.
pub const LIMITS: Limits = Limits { time: Duration::from_secs(30), bytes: 64 << 10 };
/// This long before they end, new ones are asked for.
const BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// When they could not be had, they are not asked for again for this long, as long as there are others.
const PAUSE: Duration = Duration::from_secs(30);
/// Where it isn't said how long they last.
const KEPT: Duration = Duration::from_secs(10 * 60);

/// Credentials as they were given.
#[derive(Debug)]
pub struct Known<C> {
    credential: Arc<C>,
    /// From then on new ones are asked for.
    renew: Instant,
    /// Until then these can be used.
    end: Instant,
}

impl<C> Known<C> {
    /// Ones that end then, if that is known.
    pub fn until(credential: C, end: Option<jiff::Timestamp>) -> Self {
        let left = end.map(|end| Duration::try_from(end.duration_since(jiff::Timestamp::now())).unwrap_or_default());
        let (left, now) = (left.unwrap_or(KEPT + BEFORE_END), Instant::now());
        Known { credential: Arc::new(credential), renew: now + left.saturating_sub(BEFORE_END), end: now + left }
    }
}

impl<C> Clone for Known<C> {
    fn clone(&self) -> Self {
        Known { credential: Arc::clone(&self.credential), ..*self }
    }
}

/// How they are asked for.
type Ask<C> = Box<dyn Fn() -> Result<Known<C>, String> + Send + Sync>;

/// Asks for credentials whenever they are about to end.
pub struct Renewed<C> {
    /// What errors name in place of an object.
    command: &'static str,
    ask: Ask<C>,
    known: Mutex<Known<C>>,
    /// Held by whoever asks for new ones, which may take long: others use those that there are.
    asking: Mutex<()>,
}

impl<C> fmt::Debug for Renewed<C> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Renewed").field("command", &self.command).finish_non_exhaustive()
    }
}

impl<C> Renewed<C> {
    /// Asks for the first credentials at once: a request to the store has less time than a program may take.
    ///
    /// # Errors
    /// It gives none, or is not there.
    pub fn ask(
        command: &'static str,
        ask: impl Fn() -> Result<Known<C>, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let known = Mutex::new(ask()?);
        Ok(Renewed { command, ask: Box::new(ask), known, asking: Mutex::default() })
    }

    fn known(&self) -> Known<C> {
        self.known.lock().expect("nobody panics while it is held").clone()
    }

    /// Credentials that can be used now.
    fn current(&self) -> Result<Arc<C>, String> {
        let known = self.known();
        if Instant::now() < known.renew {
            return Ok(known.credential);
        }
        let is_good = || Instant::now() < known.end;
        let asking = match self.asking.try_lock() {
            Ok(asking) => asking,
            // Somebody has panicked who asked; the next one may.
            Err(TryLockError::Poisoned(asking)) => asking.into_inner(),
            Err(TryLockError::WouldBlock) if is_good() => return Ok(known.credential),
            Err(TryLockError::WouldBlock) => self.asking.lock().unwrap_or_else(PoisonError::into_inner),
        };
        // Somebody else may have asked meanwhile.
        let now = self.known();
        if Instant::now() < now.renew {
            return Ok(now.credential);
        }
        match (self.ask)() {
            Ok(renewed) => {
                let credential = Arc::clone(&renewed.credential);
                *self.known.lock().expect("nobody panics while it is held") = renewed;
                drop(asking);
                Ok(credential)
            }
            Err(_) if is_good() => {
                self.known.lock().expect("nobody panics while it is held").renew = Instant::now() + PAUSE;
                Ok(known.credential)
            }
            Err(why) => Err(why),
        }
    }
}

/// The same for all requests. Whoever waits for a program keeps nobody else from waiting for something else.
#[derive(Debug)]
pub struct Shared<C>(Arc<Renewed<C>>);

impl<C> Shared<C> {
    pub fn new(renewed: Renewed<C>) -> Self {
        Shared(Arc::new(renewed))
    }
}

#[async_trait::async_trait]
impl<C: fmt::Debug + Send + Sync + 'static> CredentialProvider for Shared<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        let renewed = Arc::clone(&self.0);
        let current = tokio::task::spawn_blocking(move || renewed.current()).await?;
        current.map_err(|why| Error::Unauthenticated { path: self.0.command.to_owned(), source: why.into() })
    }
}
