//! The whole of it, in short.

use clap::Parser;

use crate::cli::Args;
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
        "--made-file",
        "9",
    ];
    Args::try_parse_from(args.iter().chain(more)).expect("arguments")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_uploads_and_nothing_fails() {
    let directory = tempfile::tempdir().expect("a directory");
    let plot = directory.path().join("rotation.svg");
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
    let reports = run::run(args(&["--compare", files]))
        .await
        .expect("it begins");

    let [old_way, credswap] = &reports[..] else {
        panic!("two ways, not {}", reports.len())
    };
    assert!(credswap.is_flawless(), "{:?}", credswap.reasons);
    assert!(credswap.bytes > 9 << 20, "the large one is among them");
    // How many depends on the machine.
    assert!(!credswap.rotations.is_empty());
    assert!(credswap.first_request.is_some());
    assert!(credswap.swap.is_some() && credswap.drain.is_some());
    assert_eq!(credswap.consumers, 3);
    assert_eq!(credswap.keys_retired, credswap.rotations.len());
    // One for each upload at once, and some that were opened while another became free.
    let connections = &credswap.connections;
    assert!(
        connections.at_first + connections.later <= 2 * 8,
        "{connections:?}"
    );
    // How many requests fail the old way depends on the moment. What was stored is stored.
    assert!(!old_way.rotations.is_empty() && old_way.objects > 0);
    assert_eq!(old_way.lost, 0, "{:?}", old_way.reasons);

    let shown = table::render(&reports);
    for text in [
        "old way",
        "credswap",
        "failures",
        "drain of each consumer, p50 / max",
    ] {
        assert!(shown.contains(text), "{shown}");
    }
    plot::write(&reports, &plot).expect("drawn");
    let svg = std::fs::read_to_string(&plot).expect("written");
    assert!(svg.contains("<svg") && svg.contains("seconds") && !svg.contains("NaN"));
}

#[tokio::test]
async fn what_cannot_begin_says_why() {
    let error = run::run(args(&["/no/such/file"]))
        .await
        .expect_err("no file");
    assert!(error.to_string().contains("/no/such/file"), "{error:#}");
    let error = run::run(args(&["--plot", "/no/such/directory/x.svg"]))
        .await
        .expect_err("no directory");
    assert!(
        error.to_string().contains("/no/such/directory"),
        "{error:#}"
    );
}
