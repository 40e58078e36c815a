//! From a topic's record to what a consumer does with it.
//!
//! What the consumer does not act on is passed over by the schema's id alone, and what is by a schema that we do not know by
//! the event type in its header: newer versions and other departments may write types of their own. Everything else must be readable.

use crate::consumer::handling::{Content, Item};
use crate::registrar::Registrar;
use crate::schema;
use crate::topology::Subscription;
use bytes::Bytes;
use gyesan_kafka::batch::Stored;

/// The record as something to handle; `None` when this consumer has nothing to do with it.
pub fn item(subscription: Subscription, registrar: &Registrar, stored: Stored) -> Option<Item> {
    let place = u64::try_from(stored.offset).ok()?;
    let event_type = stored.record.headers.iter().find(|(name, _)| name.as_ref() == b"ce_type");
    let event_type = event_type.and_then(|(_, value)| value.as_deref());
    let value = stored.record.value.clone().unwrap_or_default();
    let content = content(subscription, registrar, event_type, value)?;
    Some(Item { place, after: place.saturating_add(1), content, record: Some(stored.record) })
}

/// What a value says; `None` when it is of a type that the consumer does not act on.
pub fn content(
    subscription: Subscription,
    registrar: &Registrar,
    event_type: Option<&[u8]>,
    value: Bytes,
) -> Option<Content> {
    let unreadable = |reason: String| Some(Content::Undecodable { value: value.clone(), reason });
    let id = match schema::id_of(&value) {
        Ok(id) => id,
        Err(_) if value.is_empty() => return unreadable("the record has no value".to_owned()),
        Err(error) => return unreadable(error.to_string()),
    };
    let is_wanted = |name: &[u8]| std::str::from_utf8(name).is_ok_and(|name| subscription.acts_on_type(name));
    let Some(schema) = known(registrar, id, event_type) else {
        return match event_type {
            Some(other) if !is_wanted(other) => None,
            _ => unreadable(format!("unknown schema id {id}")),
        };
    };
    if !subscription.acts_on_type(schema.event_type) {
        return None;
    }
    let event = if schema.id == id {
        schema::decode(&value)
    } else {
        let mut bytes = value.to_vec();
        schema::with_id(&mut bytes, schema.id);
        schema::decode(&bytes)
    };
    match event {
        Ok(event) => Some(Content::Event(Box::new(event))),
        Err(error) => unreadable(error.to_string()),
    }
}

/// The schema that an id means: the first that fits what the header says, because the record may be older than the registry's use, or
/// from another registry. Without the header our own ids are no guess to make.
fn known(registrar: &Registrar, id: u32, event_type: Option<&[u8]>) -> Option<&'static schema::Schema> {
    let fits = |schema: &&schema::Schema| event_type.is_none_or(|name| name == schema.event_type.as_bytes());
    let ours = event_type.map(|_| id);
    registrar.our_ids(id).chain(ours).filter_map(schema::by_id).find(fits)
}
