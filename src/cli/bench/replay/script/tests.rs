//! What becomes of recorded statements.

use super::{super::record::Chosen, *};

fn told(sql: &str, parameters: &[(&str, &str)], row: &[(&str, &str)]) -> Told {
    Told {
        sql: sql.to_owned(),
        is_simple: parameters.is_empty(),
        parameters: parameters
            .iter()
            .map(|(of, value)| Parameter {
                of: (*of).to_owned(),
                value: Some((*value).to_owned()),
            })
            .collect(),
        row: row
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned())))
            .collect(),
        round_trips: 1,
    }
}

/// A card: a lease that answers an id, and a binding that names it.
fn card(serial: i64, leased: &str, made: &str) -> Sample {
    let id = |act: &str| format!("{act}-{serial}");
    let lease = told(
        "select $1::text, $2 as \"id!: Id\" for $3",
        &[
            ("text", "ektp://office/'1'"),
            ("uuid", &id("lease")),
            ("bigint[]", "{1,2}"),
        ],
        &[("id!: Id", leased), ("fence", "1")],
    );
    let bind = told(
        "bind $1, $2, $3, $4, $1",
        &[
            ("uuid[]", &format!("{{{leased}}}")),
            ("bigint[]", &format!("{{{serial}}}")),
            ("uuid", made),
            ("bytea", &format!("\\x{serial}")),
        ],
        &[],
    );
    let act = |kind, statements: Vec<Told>| Act {
        kind,
        request_id: id(kind),
        statements,
        beside: vec![told("(ping)", &[], &[])],
    };
    let begin = || told("begin read write; set local x = '1'", &[], &[]);
    let commit = || told("COMMIT", &[], &[]);
    Sample {
        chosen: vec![Chosen {
            sql: ":serial".to_owned(),
            value: serial.to_string(),
        }],
        acts: vec![
            act("lease", vec![begin(), lease, commit()]),
            act("bind", vec![begin(), bind, commit()]),
        ],
    }
}

fn recording() -> Recording {
    Recording {
        samples: vec![
            card(7, "aaaa", "1111"),
            card(8, "bbbb", "2222"),
            card(9, "cccc", "3333"),
        ],
        options: String::new(),
    }
}

#[test]
fn what_differs_from_card_to_card_comes_from_where_it_came_from() {
    let script =
        script(&recording(), &["\\set twice :serial * 2".to_owned()]).expect("it can be replayed");
    for line in [
        "\\set serial :serial + 1\n\\set twice :serial * 2\n\\startpipeline\n",
        "\\startpipeline\nbegin read write;\nset local x = '1';\n\\endpipeline\n",
        "select ('ektp:' || '//office/''1''')::text::text, md5('lease' || :serial::text)::uuid as \"id\" for '{1,2}'::bigint[]\n\
         \\gset a0s1_\n",
        "bind array[:a0s1_id::uuid], array[:serial::bigint], md5('3333' || :serial::text)::uuid, '\\x9'::bytea, \
         array[:a0s1_id::uuid]\n;\n",
        "COMMIT;\n",
    ] {
        assert!(
            script.text.contains(line),
            "{line}\nis not in\n{}",
            script.text
        );
    }
    assert_eq!(script.as_recorded, ["bind bytea"]);
    assert!(!script.text.contains("(ping)"), "{}", script.text);
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let mut other = recording();
    other.samples[0].acts[1].statements[1].sql.push_str(" more");
    let failure = script(&other, &[]).expect_err("they differ").to_string();
    assert!(
        failure.contains("other statements for one bind"),
        "{failure}"
    );

    let mut colon = recording();
    for card in &mut colon.samples {
        card.acts[0].statements[0].sql = "select ':word'".to_owned();
    }
    let failure = script(&colon, &[]).expect_err("a variable").to_string();
    assert!(failure.contains("a word behind a colon"), "{failure}");
}
