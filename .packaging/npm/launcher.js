#!/usr/bin/env node
// Runs the program of the package for this platform, which npm installed as an optional dependency.
"use strict";

const { spawn } = require("node:child_process");
const path = require("node:path");

const windows = process.platform === "win32";

// The packages that can run here, best first. A program for musl is static, and runs beside any libc.
function packages() {
  const name = `@dixaform/${process.platform}-${process.arch}`;
  return process.platform === "linux" ? [`${name}-gnu`, `${name}-musl`] : [name];
}

function program() {
  const { optionalDependencies: all } = require("./package.json");
  const known = packages().filter((name) => name in all);
  for (const name of known) {
    try {
      const folder = path.dirname(require.resolve(`${name}/package.json`));
      return path.join(folder, "bin", windows ? "dixaform.exe" : "dixaform");
    } catch (error) {
      if (error.code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  if (known.length === 0) {
    fail(`there is no program for ${process.platform} on ${process.arch}`, "build it: cargo install dixaform --locked");
  }
  fail(
    `the package ${known.join(" or ")} is not installed`,
    "install again without --omit=optional, and for the platform that runs it: npm install dixaform --include=optional",
  );
}

function fail(what, hint) {
  process.stderr.write(`error: ${what}\n  hint: ${hint}\n`);
  process.exit(1);
}

// A second interrupt makes dixaform stop at once, and leave calls in doubt. So each one reaches it exactly once: it is in
// a process group of its own, which no terminal sends anything to, and what arrives here twice within a blink, from the
// terminal and from npx, counts once. On Windows the console sends it to both programs. Listening begins before the
// program does: what isn't listened to would end this process, and leave the program alone.
const blink = 300;
const file = program();
const last = {};
let child;

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    const now = Date.now();
    if (!windows && !(now - last[signal] < blink)) child.kill(signal);
    last[signal] = now;
  });
}

// Ctrl-Z stops both, and `fg` continues both.
if (!windows) {
  process.on("SIGTSTP", () => {
    child.kill("SIGSTOP");
    process.kill(process.pid, "SIGSTOP");
  });
  process.on("SIGCONT", () => child.kill("SIGCONT"));
}

child = spawn(file, process.argv.slice(2), { stdio: "inherit", detached: !windows, windowsHide: true });
child.on("error", (error) => fail(`the program can't be started: ${error.message}`, "install the package again"));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
