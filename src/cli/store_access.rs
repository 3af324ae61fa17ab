//! The way to a state in a store, opened once in a command.

use std::sync::{Arc, Mutex, OnceLock};

use crate::access::{StoreSettings, StoreUrl};
use crate::api::{Gate, Shut};
use crate::cli::error::Error;
use crate::store::{self, Door, LeaseLeft};

/// A state in a store.
#[derive(Debug)]
pub struct StoreAccess {
    pub url: StoreUrl,
    pub settings: StoreSettings,
    door: OnceLock<Arc<Door>>,
    lease: Arc<Mutex<Option<LeaseLeft>>>,
}

impl StoreAccess {
    /// Sends nothing.
    pub fn new(url: StoreUrl, settings: StoreSettings) -> Self {
        StoreAccess { url, settings, door: OnceLock::new(), lease: Arc::default() }
    }

    /// The way to the store.
    ///
    /// # Errors
    /// There are no credentials, or a setting can't be used. Whether the store can be reached is not known yet.
    pub fn door(&self) -> Result<Arc<Door>, Error> {
        if let Some(door) = self.door.get() {
            return Ok(Arc::clone(door));
        }
        #[expect(clippy::disallowed_methods, reason = "credentials come from the environment")]
        let environment = |name: &str| std::env::var(name).ok();
        let opened = store::open(&self.url, &self.settings, &environment)?;
        let door = Door::new(self.url.clone(), opened)?;
        Ok(Arc::clone(self.door.get_or_init(|| Arc::new(door))))
    }

    /// From now on calls may leave only while this lease lasts.
    pub fn hold(&self, lease: LeaseLeft) {
        *self.lease.lock().expect("nobody panics while it is held") = Some(lease);
    }

    /// What calls that write have to pass. Without a lease none does.
    pub fn gate(&self) -> Gate {
        let lease = Arc::clone(&self.lease);
        Gate::new(move || {
            let lease = lease.lock().expect("nobody panics while it is held");
            match &*lease {
                Some(lease) if lease.is_left() => Ok(()),
                Some(lease) if lease.is_fenced() => {
                    Err(Shut("not sent: another run has taken over the state".to_owned()))
                }
                Some(_) => Err(Shut("not sent: the lease of the state has ended without a sign of life".to_owned())),
                None => Err(Shut("not sent: the state is not held".to_owned())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Holder;
    use crate::store::tests::weather::{Chance, Server, Weather, Wire};

    const AT_ONCE: Duration = Duration::ZERO;

    fn access() -> StoreAccess {
        StoreAccess::new(url(), StoreSettings::default())
    }

    fn url() -> StoreUrl {
        StoreUrl::parse("s3://state/a").expect("a store")
    }

    /// A store, and the way of a command to it.
    fn door() -> (Arc<Server>, Arc<Door>) {
        let server = Server::new(Weather::FAIR, &Arc::new(Chance::new(1)));
        let door = Door::to(url(), Arc::new(Wire(Arc::clone(&server))), String::new());
        (server, Arc::new(door.expect("there is a thread for it")))
    }

    #[test]
    fn calls_leave_while_the_state_is_held_and_not_after_another_run_has_taken_it() {
        let (access, (_server, door)) = (access(), door());
        let gate = access.gate();
        assert_eq!(gate.check().expect_err("nothing is held").to_string(), "not sent: the state is not held");
        let held = door.take(Holder::of_run("a"), AT_ONCE, "now").expect("free");
        access.hold(held.lease());
        gate.check().expect("it is held");
        door.force().expect("it can be written");
        // It finds out when it next writes something.
        drop(held);
        let shut = gate.check().expect_err("it was forced out").to_string();
        assert_eq!(shut, "not sent: another run has taken over the state");
    }

    #[test]
    fn no_call_leaves_after_the_lease_although_nobody_has_taken_the_state() {
        let (access, (server, door)) = (access(), door());
        let gate = access.gate();
        let held = door.take(Holder { ttl_ms: 300, ..Holder::of_run("a") }, AT_ONCE, "now").expect("free");
        access.hold(held.lease());
        *server.away.lock().expect("free") = true;
        std::thread::sleep(Duration::from_secs(1));
        let shut = gate.check().expect_err("it is over").to_string();
        assert_eq!(shut, "not sent: the lease of the state has ended without a sign of life");
    }
}
