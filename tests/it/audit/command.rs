//! `ektp audit` as people run it: what it prints and how it ends.

use std::fs;

use ektp::audit;

use crate::support::{Folder, office::Office};

#[tokio::test]
async fn the_exit_code_tells_a_log_that_fits_from_one_that_was_changed() {
    let office = Office::open().await;
    let folder = Folder::new();
    office.grow(&[1_101, 3_575], 40).await;
    let head = office.head().await;
    office.grow(&[3_575], 10).await;
    let (kept, key) = (folder.join("kept.jsonl"), folder.join("audit.pub"));
    fs::write(&kept, format!("{}\n", head.line())).expect("the folder is ours");
    let public = office.signing.key.public();
    let public: String = public.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(&key, format!("{public}\n")).expect("the folder is ours");
    let (kept, key) = (kept.display().to_string(), key.display().to_string());

    let given = ["audit", "verify", "--head", &kept, "--public-key", &key];
    let (fits, said) = office.ektp(&folder, &given).await;
    assert!(fits, "{said}");
    for part in ["signed heads", "kept heads compared", &public] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    let other = "00".repeat(32);
    let (fits, said) = office
        .ektp(&folder, &["audit", "verify", "--public-key", &other])
        .await;
    assert!(!fits && said.contains("UNKNOWN_KEY head 1"), "{said}");
    assert!(said.contains("no kept head was given"), "{said}");

    office
        .tamper("update audit set code = 9 where district = 3575 and number = 17")
        .await;
    let (fits, said) = office.ektp(&folder, &given).await;
    assert!(!fits && said.contains("EDITED 35.75 row 17"), "{said}");

    // The witness file in the data folder is taken where no other is named.
    office.tamper("truncate audit_tree_head").await;
    fs::copy(&office.signing.witness, folder.join(audit::WITNESS_FILE)).expect("it is there");
    let (fits, said) = office.ektp(&folder, &["audit", "verify"]).await;
    assert!(!fits && said.contains("HEAD_MISSING head 1"), "{said}");
}

#[tokio::test]
async fn whose_data_was_seen_is_listed_by_terminal_officer_and_person() {
    let office = Office::open().await;
    let folder = Folder::new();
    let ids: Vec<String> = (1..=4)
        .map(|n| format!("00000000-0000-4000-8000-00000000000{n}"))
        .collect();
    let read = |terminal: &str, officer: &str, residents: &str| {
        format!(
            "select disclose(3575, '{terminal}', {officer}, null, 'Registration/GetEnrolment', '',
                array[{residents}]::uuid[], array[]::text[], array[]::integer[], current_date, '');"
        )
    };
    let [one, two, three, officer] = [&ids[0], &ids[1], &ids[2], &ids[3]];
    let account = format!("'{officer}'");
    office
        .tamper(read("ektp://t/1", &account, &format!("'{one}', '{two}'")))
        .await;
    office
        .tamper(read("ektp://t/2", "null", &format!("'{two}', '{three}'")))
        .await;
    office.grow(&[3_575], 5).await;

    let since = ["audit", "who-saw", "--since", "2017-04-18T08:00:00+07:00"];
    let seen = async |more: &[&str]| {
        let (well, said) = office.ektp(&folder, &[&since[..], more].concat()).await;
        assert!(well, "{said}");
        said
    };
    let all = seen(&[]).await;
    assert!(ids.iter().all(|id| all.contains(id.as_str())), "{all}");
    let lines = seen(&["--json"]).await;
    assert_eq!(lines.lines().count(), 2, "acts are no reads: {lines}");
    let by_terminal = seen(&["--terminal", "ektp://t/2", "--json"]).await;
    let line: serde_json::Value = serde_json::from_str(&by_terminal).expect("one line of JSON");
    assert_eq!(line["residents"], serde_json::json!([two, three]));
    assert_eq!(
        (&line["district"], &line["terminal"]),
        (&"35.75".into(), &"ektp://t/2".into())
    );
    let by_officer = seen(&["--officer", officer, "--json"]).await;
    assert_eq!(by_officer.lines().count(), 1);
    assert!(by_officer.contains(one.as_str()) && !by_officer.contains(three.as_str()));
    assert_eq!(
        seen(&["--resident", two, "--json"]).await.lines().count(),
        2
    );
    assert_eq!(
        seen(&["--resident", three, "--json"]).await.lines().count(),
        1
    );
    let later = [
        "audit",
        "who-saw",
        "--since",
        "2999-01-01T00:00:00Z",
        "--json",
    ];
    assert_eq!(office.ektp(&folder, &later).await, (true, String::new()));
}
