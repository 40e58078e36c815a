//! Where things are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folder of the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A path inside the workspace.
pub fn path(inside: &str) -> PathBuf {
    root().join(inside)
}

/// Cargo's output folder, as cargo itself would choose it.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| path("target"), |dir| root().join(dir))
}

/// This program, for those that start stacks themselves.
pub fn this_program() -> Result<PathBuf> {
    let path = std::env::current_exe().context("this program has no path")?;
    // Linux says so when cargo has put a newer build in its place. The newer one will do.
    let text = path.to_string_lossy();
    Ok(text.strip_suffix(" (deleted)").map_or_else(|| path.clone(), PathBuf::from))
}

/// Where tools are kept that several clones share: `$XDG_CACHE_HOME/gyesan` or `~/.cache/gyesan`, or a folder
/// in `target/` when there is no home or it cannot be written.
pub fn tool_cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let cache = base.map(|base| base.join("gyesan")).filter(|cache| std::fs::create_dir_all(cache).is_ok());
    cache.unwrap_or_else(|| {
        let cache = target().join("tools");
        let _ = std::fs::create_dir_all(&cache);
        cache
    })
}
