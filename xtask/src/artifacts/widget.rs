//! The checkout's files: everything of `public/`, and the loader, its glue, wasm and style made small. What the
//! loader loads carries its content's hash in its name and may be cached for ever; the loader itself may not.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::stamp::{content_hash, write_file};
use crate::{process, tools, workspace};

/// Named one by one: with `--all-features` binaryen writes types that browsers refuse.
const WASM_FEATURES: [&str; 8] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-multivalue",
    "--enable-reference-types",
    "--enable-call-indirect-overlong",
];

/// Builds into `build/public`.
pub fn build(bindgen: &Path) -> Result<()> {
    let stage = workspace::path("build/stage/widget");
    let _ = std::fs::remove_dir_all(&stage);
    std::fs::create_dir_all(&stage).context("build/stage cannot be made")?;
    compile(bindgen, &stage)?;

    let glue = std::fs::read(stage.join("glue.js")).context("the glue cannot be read")?;
    let wasm = std::fs::read(stage.join("small.wasm")).context("the wasm cannot be read")?;
    let css = std::fs::read(stage.join("checkout.css")).context("the style cannot be read")?;
    let glue_name = format!("assets/gyesan-{}.js", content_hash(&glue));
    let wasm_name = format!("assets/gyesan-{}.wasm", content_hash(&wasm));
    let css_name = format!("assets/checkout-{}.css", content_hash(&css));

    let mut loader =
        std::fs::read_to_string(stage.join("checkout.js")).context("the loader cannot be read")?;
    for (placeholder, name) in [("__GLUE__", &glue_name), ("__WASM__", &wasm_name), ("__CSS__", &css_name)] {
        if !loader.contains(placeholder) {
            bail!("public/checkout.js does not contain {placeholder}");
        }
        loader = loader.replace(placeholder, name);
    }

    // Made beside the old folder and exchanged at the end, so that nobody begins with half a build. A worker that runs has a
    // copy of its own.
    let fresh = workspace::path("build/public.new");
    let _ = std::fs::remove_dir_all(&fresh);
    copy_folder(&workspace::path("public"), &fresh)?;
    write_file(&fresh.join("checkout.js"), loader.as_bytes())?;
    write_file(&fresh.join(glue_name), &glue)?;
    write_file(&fresh.join(wasm_name), &wasm)?;
    write_file(&fresh.join(css_name), &css)?;
    let _ = std::fs::remove_file(fresh.join("checkout.css"));
    let (public, old) = (workspace::path("build/public"), workspace::path("build/public.old"));
    let _ = std::fs::remove_dir_all(&old);
    let _ = std::fs::rename(&public, &old);
    std::fs::rename(&fresh, &public).context("build/public cannot be replaced")?;
    let _ = std::fs::remove_dir_all(&old);
    Ok(())
}

fn compile(bindgen: &Path, stage: &Path) -> Result<()> {
    for source in ["checkout.js", "checkout.css"] {
        if !workspace::path("public").join(source).exists() {
            bail!("public/{source} is missing");
        }
    }
    let mut cargo = tools::cargo(&[
        "build",
        "--profile",
        "widget",
        "--target",
        "wasm32-unknown-unknown",
        "--package",
        "gyesan-embed",
    ]);
    process::run("compiling the widget", cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags()))?;
    let wasm = workspace::target().join("wasm32-unknown-unknown/widget/gyesan_embed.wasm");
    let mut glue = Command::new(bindgen);
    glue.arg("bindgen").arg(&wasm).arg("--out-dir").arg(stage);
    glue.args(["--out-name", "gyesan", "--no-typescript", "--target", "web"]);
    glue.args(["--remove-name-section", "--remove-producers-section"]);
    process::run("generating the widget's glue", &mut glue)?;

    let mut small = tools::npm_program("wasm-opt");
    small.args(["-Oz", "--converge", "--strip-debug", "--strip-producers"]).args(WASM_FEATURES);
    // Leptos' server functions export three stream classes that a page without a server never uses.
    small.args(["--remove-exports", "--pass-arg=remove-exports@*ntounderlying*"]);
    small.arg("-o").arg(stage.join("small.wasm")).arg(stage.join("gyesan_bg.wasm"));
    process::run("making the widget's wasm small", &mut small)?;

    minify(&stage.join("gyesan.js"), &stage.join("glue.js"), &["--bundle", "--format=esm"])?;
    minify(&workspace::path("public/checkout.js"), &stage.join("checkout.js"), &[])?;
    minify(&workspace::path("public/checkout.css"), &stage.join("checkout.css"), &[])
}

/// Beside what `.cargo/config.toml` sets (the variable replaces it): Leptos erases the types of its views, and the paths in
/// panic messages lose the folder of this machine. Together 8 KB of brotli.
fn rust_flags() -> String {
    let home = std::env::var("CARGO_HOME")
        .or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")))
        .unwrap_or_default();
    let mut flags = vec![
        "--cfg=getrandom_backend=\"wasm_js\"".to_owned(),
        "--cfg=erase_components".to_owned(),
        format!("--remap-path-prefix={}=", workspace::path("").display()),
    ];
    // Each registry has a folder of its own, named after it.
    if let Ok(registries) = std::fs::read_dir(format!("{home}/registry/src")) {
        let folders = registries.flatten().map(|entry| entry.path());
        flags.extend(folders.map(|folder| format!("--remap-path-prefix={}=", folder.display())));
    }
    flags.join("\u{1f}")
}

fn minify(source: &Path, target: &Path, more: &[&str]) -> Result<()> {
    let mut esbuild = tools::npm_program("esbuild");
    esbuild.arg(source).arg(format!("--outfile={}", target.display()));
    // The default would rewrite Korean text into escapes, twice as long.
    esbuild.args(["--minify", "--charset=utf8", "--log-level=warning"]).args(more);
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    process::run(&format!("minifying {name}"), &mut esbuild)
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("{} cannot be made", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let path: PathBuf = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            std::fs::copy(&path, &target).with_context(|| format!("{} cannot be copied", path.display()))?;
        }
    }
    Ok(())
}
