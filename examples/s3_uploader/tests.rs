//! The whole example, in short runs.

use clap::Parser;

use crate::cli::Args;
use crate::summary::Summary;
use crate::{plot, run, table};

fn args(more: &[&str]) -> Args {
    let args = [
        "s3_uploader",
        "--duration",
        "2",
        "--rotate-every",
        "0.4",
        "--concurrency",
        "8",
        "--generated-file",
        "9",
    ];
    Args::try_parse_from(args.iter().chain(more)).expect("the arguments are valid")
}

fn draw(summaries: &[Summary]) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("rotation.svg");
    plot::write(summaries, &file).expect("the plot is drawn");
    std::fs::read_to_string(&file).expect("the plot is written")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_uploads_and_nothing_fails() {
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let summaries = run::run(args(&["--compare", files])).await;
    let summaries = summaries.expect("the uploads start");

    let [rebuilt, credswap] = &summaries[..] else {
        panic!("{} strategies instead of two", summaries.len())
    };
    assert!(credswap.is_flawless(), "{:?}", credswap.reasons);
    assert!(credswap.bytes > 9 << 20, "the generated file is uploaded");
    // How many rotations there are depends on the machine.
    assert!(!credswap.rotations.is_empty());
    assert!(credswap.first_request.is_some());
    assert!(credswap.swap.is_some() && credswap.drain.is_some());
    assert_eq!(credswap.consumers, 3);
    assert_eq!(credswap.keys_retired, credswap.rotations.len());
    // One for each upload at a time, and some that were opened while another became free.
    let connections = &credswap.connections;
    assert!(
        connections.at_first + connections.later <= 2 * 8,
        "{connections:?}"
    );
    // How many requests of the rebuilt client fail depends on the moment. What was stored is stored.
    assert!(!rebuilt.rotations.is_empty() && rebuilt.objects > 0);
    assert_eq!(rebuilt.lost, 0, "{:?}", rebuilt.reasons);

    let table = table::render(&summaries);
    for text in [
        "client rebuilt at each event",
        "credswap",
        "failures",
        "drain of each consumer, p50 / max",
    ] {
        assert!(table.contains(text), "{table}");
    }
    let compared = draw(&summaries);
    for text in [rebuilt.strategy, credswap.strategy, "seconds since"] {
        assert!(compared.contains(text), "{text}");
    }
    let alone = draw(&summaries[1..]);
    assert!(alone.contains("none") && !alone.contains(rebuilt.strategy));
    assert!(!compared.contains("NaN") && !alone.contains("NaN"));
}

#[tokio::test]
async fn uploads_that_cannot_start_say_why() {
    let missing = run::run(args(&["/no/such/file"])).await;
    let error = missing.expect_err("the file does not exist").to_string();
    assert!(error.contains("/no/such/file"), "{error}");
    let missing = run::run(args(&["--plot", "/no/such/directory/x.svg"])).await;
    let error = missing.expect_err("the directory does not exist");
    let error = error.to_string();
    assert!(error.contains("/no/such/directory"), "{error}");
}
