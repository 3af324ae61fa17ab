//! What is done with end users alone: one that exists is found and adopted, and members leave the record.

use crate::api::contract::{EndUserReading, Write};
use crate::apply::adopt;
use crate::apply::books::after;
use crate::apply::carry_out::{CarryOut, Patch, Progress};
use crate::apply::halt::Halt;
use crate::apply::job::Clock;
use crate::call::Call;
use crate::conversation::{EndUserId, Id, Kind};
use crate::end_user::{self, Lookup};
use crate::journal::{Append, Entry};
use crate::plan::{Action, Change, Step};

impl<'a, A: Write, J: Append, C: Clock> CarryOut<'_, 'a, A, J, C> {
    /// Looks for one that exists. What can't be told apart is not taken, and nothing is made beside it.
    pub(super) async fn find(&self, lookup: &Lookup, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let call = Call::EndUsersBy(lookup.clone());
        let found = match self.run.api.end_users_by(lookup).await {
            Ok(found) => found,
            Err(error) => return Err(Halt::of_read(call, error)),
        };
        let Lookup { key, value } = lookup;
        let message = match found.as_slice() {
            [] => return Ok(()),
            [one] if lookup.finds(&one.members) => {
                progress.found.push((lookup.clone(), one.clone()));
                return Ok(());
            }
            [one] => format!(
                "end user {} has the {} {value} as one of several more: name it with `dixaform/adopt` if it is this one",
                one.id,
                key.noun()
            ),
            several => {
                let ids: Vec<String> = several.iter().map(|one| one.id.to_string()).collect();
                format!("several end users have the {} {value}: {}", key.noun(), ids.join(", "))
            }
        };
        Err(Halt::OtherConversation(call, message))
    }

    /// Adopts the end user that was found in the place of making one.
    pub(super) async fn take_over(&self, change: &Change, progress: &mut Progress<'a>) -> Result<(), Halt> {
        let found = std::mem::take(&mut progress.found);
        let Some(((lookup, first), others)) = found.split_first() else { return Ok(()) };
        if let Some((other, another)) = others.iter().find(|(_, other)| other.id != first.id) {
            let message = format!(
                "end user {} has the {} {}, and end user {} the {} {}: they are two",
                first.id,
                lookup.key.noun(),
                lookup.value,
                another.id,
                other.key.noun(),
                other.value
            );
            return Err(Halt::OtherConversation(Call::EndUsersBy(other.clone()), message));
        }
        progress.is_adopted = true;
        if after(change).attributes().is_empty() {
            return self.adopt_reading(change, first, progress).await;
        }
        // A list does not show attributes.
        self.adopt_end_user(change, first.id, progress).await
    }

    /// Reads and adopts this end user.
    pub(super) async fn adopt_end_user(
        &self,
        change: &Change,
        id: EndUserId,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        match self.run.api.end_user(id).await {
            Ok(reading) => self.adopt_reading(change, &reading, progress).await,
            Err(error) => Err(Halt::of_read(Call::One(Id::from(id).into()), error)),
        }
    }

    /// Records an existing end user, and sets what differs of it.
    async fn adopt_reading(
        &self,
        change: &Change,
        reading: &EndUserReading,
        progress: &mut Progress<'a>,
    ) -> Result<(), Halt> {
        let id = Id::from(reading.id);
        if let Some(owner) = self.books.owner_of(id, change) {
            let message = format!("end user {id} is {owner} already");
            return Err(Halt::OtherConversation(Call::One(id.into()), message));
        }
        let wanted = after(change).conversation();
        let attributes = adopt::different(&wanted.attributes, reading.attributes.as_ref());
        let members = end_user::different(&wanted.content, &reading.members);
        let record = Box::new(self.books.adopted_end_user(change, reading, attributes.is_empty()));
        self.books.write(Entry::Adopted { address: change.address.clone(), record }).await?;
        progress.id = Some(id);
        if !members.is_empty() {
            self.patch(change, Patch::Members(&members), None, progress).await?;
        }
        if !attributes.is_empty() {
            self.patch(change, Patch::Attributes(&attributes), None, progress).await?;
        }
        Ok(())
    }

    /// Members that left the manifest leave the record, unless a call that sets others takes them out of it.
    pub(super) async fn drop_what_left(&self, change: &Change) -> Result<(), Halt> {
        let sets = change.steps.iter().any(|step| matches!(step, Step::Change(_)));
        if change.address.kind != Kind::EndUser || change.action != Action::Update || sets {
            return Ok(());
        }
        match self.books.without_what_left(change) {
            Some(record) => {
                let (address, record) = (change.address.clone(), Box::new(record));
                self.books.write(Entry::Adopted { address, record }).await
            }
            None => Ok(()),
        }
    }
}
