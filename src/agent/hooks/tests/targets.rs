//! Touched files and signals.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::time::{Duration, SystemTime};

use super::{Scene, plan, text};
use crate::agent::hooks::HookPlan;

#[tokio::test]
async fn a_touched_file_is_created_or_gets_the_time_and_keeps_its_content() {
    let scene = Scene::new();
    let (new, old) = (scene.path("new"), scene.path("old"));
    std::fs::write(&old, "content").unwrap();
    let hooks = scene.adopted(HookPlan { touched: vec![new.clone(), old.clone()], ..plan(&[]) });
    for _ in 0..2 {
        scene.renew("tls");
        scene.wait(60);
        scene.run(&hooks).await.unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(scene.now().unix().unsigned_abs());
        for path in [&new, &old] {
            assert_eq!(std::fs::metadata(path).unwrap().modified().unwrap(), time);
        }
    }
    assert_eq!(std::fs::metadata(&new).unwrap().permissions().mode() & 0o7777, 0o644);
    assert_eq!(std::fs::read_to_string(&old).unwrap(), "content");
}

#[tokio::test]
async fn a_link_is_not_touched_through() {
    let scene = Scene::new();
    let (link, target) = (scene.path("link"), scene.path("target"));
    symlink(&target, &link).unwrap();
    let hooks = scene.adopted(HookPlan { touched: vec![link], ..plan(&[]) });
    scene.renew("tls");
    let said = text(&scene.run(&hooks).await.unwrap_err().error);
    assert!(said.contains("cannot touch") && said.contains("it is a symbolic link"), "{said}");
    assert!(!target.exists());
}

#[tokio::test]
async fn a_stale_pid_file_is_tried_again_with_what_it_holds_then() {
    let scene = Scene::new();
    let file = scene.path("pid");
    let signals = vec![format!("{}:TERM", file.display()).parse().unwrap()];
    let hooks = scene.adopted(HookPlan { signals, ..plan(&[scene.logging()]) });
    scene.renew("tls");
    let mut process = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    for (content, expected) in
        [(None, "the pid file cannot be read"), (Some("1"), "does not hold one process id above 1")]
    {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let failure = scene.run(&hooks).await.unwrap_err();
        assert!(text(&failure.error).contains(expected), "{failure:?}");
    }
    assert!(process.try_wait().unwrap().is_none());
    std::fs::write(&file, process.id().to_string()).unwrap();
    scene.run(&hooks).await.unwrap();
    assert_eq!(process.wait().unwrap().signal(), Some(15));
    assert_eq!(scene.lines("log").len(), 1);
    scene.run(&hooks).await.unwrap();
    assert!(!scene.is_pending(&hooks), "it is not sent again");
}
