#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::migration;
use crate::native::Database;

const BASE: &str = "http://registry:8081";

/// A registry that gives out ids from `first` on, and what the log hears.
struct Registry {
    ids: std::collections::BTreeMap<String, u32>,
    first: u32,
    notices: Vec<Notice>,
    asked: Vec<String>,
}

impl Registry {
    fn giving_from(first: u32) -> Registry {
        Registry { ids: Default::default(), first, notices: Vec::new(), asked: Vec::new() }
    }

    /// Answers everything that is asked, until nothing is.
    fn serve(&mut self, registrar: &mut Registrar, sql: &dyn Sql, now: Timestamp) {
        while let Some(Effect::Http { id, request }) = registrar.ask(now) {
            self.asked.push(format!("{} {}", request.method(), request.uri().path()));
            let next = self.first + self.ids.len() as u32;
            let body = match request.method().as_str() {
                "POST" => {
                    let id = *self.ids.entry(request.body().clone()).or_insert(next);
                    format!(r#"{{"id":{id}}}"#)
                }
                _ => r#"{"compatibility":"BACKWARD"}"#.to_owned(),
            };
            let answer = Ok((200, body.into_bytes()));
            self.notices.extend(registrar.answered(sql, id, answer, now).unwrap());
        }
    }
}

fn database() -> Database {
    let database = Database::in_memory().unwrap();
    migration::apply(&database, migration::RELAY).unwrap();
    database
}

fn open(sql: &dyn Sql, base: &str) -> Registrar {
    Registrar::open(sql, Some(SchemaRegistry { url: base.to_owned(), credentials: None })).unwrap()
}

fn meant(registrar: &Registrar, id: u32) -> Vec<u32> {
    registrar.our_ids(id).collect()
}

#[test]
fn without_a_registry_the_ids_are_ours() {
    let mut registrar = Registrar::open(&database(), None).unwrap();
    assert!(registrar.is_ready() && registrar.ask(Timestamp(0)).is_none());
    assert_eq!((registrar.registry_id(4), meant(&registrar, 4)), (4, vec![4]));
    assert_eq!(registrar.retry_at(), None);
}

#[test]
fn both_tables_of_stored_ids_are_alike() {
    let database = Database::in_memory().unwrap();
    migration::apply(&database, migration::CONSUMER).unwrap();
    store::add(&database, BASE, 1, 101).unwrap();
    assert_eq!(store::load(&database, BASE).unwrap(), (vec![(1, 101)], vec![]));
}

#[test]
fn every_schema_is_registered_and_translated_both_ways() {
    let (sql, mut registry) = (database(), Registry::giving_from(101));
    let mut registrar = open(&sql, BASE);
    assert!(!registrar.is_ready());
    registry.serve(&mut registrar, &sql, Timestamp(1));
    assert!(registrar.is_ready());
    for schema in schema::schemas() {
        assert_eq!(meant(&registrar, registrar.registry_id(schema.id)).first(), Some(&schema.id));
        assert_ne!(registrar.registry_id(schema.id), schema.id);
    }
    assert!(meant(&registrar, 99).is_empty());
    assert_eq!(registry.notices, []);
}

#[test]
fn after_a_restart_the_stored_ids_are_used_while_the_registry_is_down() {
    let (sql, mut registry) = (database(), Registry::giving_from(101));
    registry.serve(&mut open(&sql, BASE), &sql, Timestamp(1));
    let mut registrar = open(&sql, BASE);
    assert!(registrar.is_ready());
    assert_eq!(registrar.registry_id(1), 101);
    let Some(Effect::Http { id, .. }) = registrar.ask(Timestamp(10)) else { panic!("nothing is asked") };
    let notice = registrar.answered(&sql, id, Err("refused".to_owned()), Timestamp(10)).unwrap().unwrap();
    assert_eq!((notice.level, notice.fact), ("warn", "registry.unavailable"));
    assert!(notice.detail.ends_with("the ids that it gave out before are used"), "{notice:?}");
    // An operator's stricter rule is left alone: a subject that is known is not configured again.
    registry.asked.clear();
    registry.serve(&mut registrar, &sql, Timestamp(60_000));
    assert!(registry.asked.iter().all(|question| question.starts_with("POST")), "{:?}", registry.asked);
    assert_eq!(registry.notices.last().unwrap().fact, "registry.restored");
}

#[test]
fn ids_of_a_registry_that_is_used_no_more_stay_readable() {
    let sql = database();
    Registry::giving_from(5).serve(&mut open(&sql, BASE), &sql, Timestamp(1));
    let mut other = open(&sql, "http://other");
    assert!(!other.is_ready());
    Registry::giving_from(101).serve(&mut other, &sql, Timestamp(2));
    assert_eq!((meant(&other, 101), meant(&other, 6)), (vec![1], vec![2]));
    let none = Registrar::open(&sql, None).unwrap();
    assert!(none.is_ready());
    assert_eq!((none.registry_id(6), meant(&none, 6)), (6, vec![6, 2]));
}

#[test]
fn a_registry_that_lost_everything_gives_new_ids_and_the_old_ones_stay_readable() {
    let sql = database();
    Registry::giving_from(101).serve(&mut open(&sql, BASE), &sql, Timestamp(1));
    let mut registrar = open(&sql, BASE);
    let mut emptied = Registry::giving_from(501);
    emptied.serve(&mut registrar, &sql, Timestamp(2));
    assert_eq!(registrar.registry_id(1), 501);
    assert_eq!((meant(&registrar, 101), meant(&registrar, 501)), (vec![1], vec![1]));
    let facts: Vec<_> = emptied.notices.iter().map(|notice| notice.fact).collect();
    assert_eq!(facts, ["alert.registry-ids-changed"]);
    let again = open(&sql, BASE);
    assert_eq!((again.registry_id(1), meant(&again, 101)), (501, vec![1]));
}

#[test]
fn a_refusal_is_told_once_a_minute_and_asked_again_after_a_pause() {
    let sql = database();
    let mut registrar = open(&sql, BASE);
    let (mut now, mut told, mut asked) = (Timestamp(1_000), 0, 0);
    while now.0 < 120_000 {
        if let Some(Effect::Http { id, .. }) = registrar.ask(now) {
            asked += 1;
            let conflict = Ok((409, br#"{"message":"reader field missing default"}"#.to_vec()));
            if let Some(notice) = registrar.answered(&sql, id, conflict, now).unwrap() {
                assert_eq!(notice.fact, "alert.registry-incompatible");
                assert!(notice.detail.contains("missing default; events wait"), "{notice:?}");
                told += 1;
            }
        }
        now = now.plus_ms(250);
    }
    assert_eq!(told, 2);
    assert!((8..20).contains(&asked), "{asked}");
    // A clock that is set back does not stop it.
    assert!(registrar.ask(Timestamp(0)).is_some());
}

#[test]
fn a_registry_that_asks_for_a_user_is_sent_it_with_every_question_and_nobody_else_hears_of_it() {
    let sql = database();
    let credentials = Some(("app".to_owned(), "pa:ss".to_owned()));
    let registry = SchemaRegistry { url: BASE.to_owned(), credentials };
    let mut registrar = Registrar::open(&sql, Some(registry)).unwrap();
    let mut questions = 0;
    while let Some(effect) = registrar.ask(Timestamp(1)) {
        let shown = format!("{effect:?}");
        assert!(!shown.contains("YXBwOnBhOnNz") && !shown.contains("pa:ss"), "{shown}");
        let Effect::Http { id, request } = effect else { panic!("{shown}") };
        // base64("app:pa:ss")
        assert_eq!(request.headers()["authorization"], "Basic YXBwOnBhOnNz");
        questions += 1;
        let answer = Ok((200, format!(r#"{{"id":{questions}}}"#).into_bytes()));
        registrar.answered(&sql, id, answer, Timestamp(1)).unwrap();
    }
    assert!(questions > 2 && registrar.is_ready());
    // The ids are stored under the address alone: other credentials are no other registry.
    assert!(open(&sql, BASE).is_ready());
    let mut stranger = open(&database(), BASE);
    let Some(Effect::Http { request, .. }) = stranger.ask(Timestamp(1)) else { panic!("nothing is asked") };
    assert!(!request.headers().contains_key("authorization"));
}

#[test]
fn a_wrong_password_is_an_alert_and_asked_again() {
    let sql = database();
    let credentials = Some(("app".to_owned(), "guessed".to_owned()));
    let registry = SchemaRegistry { url: BASE.to_owned(), credentials };
    let mut registrar = Registrar::open(&sql, Some(registry)).unwrap();
    let Some(Effect::Http { id, .. }) = registrar.ask(Timestamp(0)) else { panic!("nothing is asked") };
    let refusal = Ok((401, br#"{"error_code":401,"message":"guessed is wrong"}"#.to_vec()));
    let notice = registrar.answered(&sql, id, refusal, Timestamp(0)).unwrap().unwrap();
    assert_eq!((notice.level, notice.fact), ("error", "alert.registry-refused"));
    assert!(notice.detail.contains("SCHEMA_REGISTRY_PASSWORD") && !notice.detail.contains("guessed"));
    assert!(notice.detail.ends_with("events wait until it knows every schema"), "{notice:?}");
    assert!(registrar.ask(Timestamp(60_000)).is_some());
}

#[test]
fn a_late_answer_to_an_older_question_counts_for_nothing() {
    let sql = database();
    let mut registrar = open(&sql, BASE);
    let Some(Effect::Http { id, .. }) = registrar.ask(Timestamp(0)) else { panic!("nothing is asked") };
    let answer = || Ok((200, b"{}".to_vec()));
    assert_eq!(registrar.answered(&sql, id + 1, answer(), Timestamp(0)).unwrap(), None);
    assert!(registrar.ask(Timestamp(0)).is_none());
    assert_eq!(registrar.answered(&sql, id, answer(), Timestamp(0)).unwrap(), None);
    assert!(registrar.ask(Timestamp(0)).is_some());
}
