// Finding and starting the two browsers.

import { accessSync, constants } from "node:fs";
import path from "node:path";
import puppeteer from "puppeteer-core";

/** What the two browsers are called, where they are looked for, and how they are started. */
const BROWSERS = {
  chromium: {
    variable: "LATCHWORK_CHROMIUM",
    programs: ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"],
    options: {
      browser: "chrome",
      args: [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
      ],
    },
  },
  firefox: {
    variable: "LATCHWORK_FIREFOX",
    programs: ["firefox-esr", "firefox"],
    options: {
      browser: "firefox",
      extraPrefsFirefox: {
        "app.update.auto": false,
        "browser.safebrowsing.malware.enabled": false,
        "browser.safebrowsing.phishing.enabled": false,
        "datareporting.policy.dataSubmissionEnabled": false,
        "network.captive-portal-service.enabled": false,
        "network.connectivity-service.enabled": false,
        "toolkit.telemetry.enabled": false,
      },
    },
  },
};

/** The names of the browsers that every run covers. */
export const BROWSER_NAMES = Object.keys(BROWSERS);

/** Starts the browser of this name, headless, with a profile of its own that goes when it is closed. */
export function launch(name) {
  const { options } = BROWSERS[name];
  const args = [...(options.args ?? [])];
  // Chromium refuses its sandbox to the superuser, as whom containers and many build machines run.
  if (name === "chromium" && process.getuid?.() === 0) args.push("--no-sandbox");
  return puppeteer.launch({ ...options, args, executablePath: find(name), headless: true, timeout: 120_000 });
}

/** The browser's program: named by the environment, else the first one found on the path. */
function find(name) {
  const { variable, programs } = BROWSERS[name];
  if (process.env[variable]) return process.env[variable];
  const folders = (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
  for (const program of programs) {
    for (const folder of folders) {
      const full = path.join(folder, program);
      try {
        accessSync(full, constants.X_OK);
        return full;
      } catch {
        // Not here: the next folder.
      }
    }
  }
  throw new Error(
    `${name} was not found: install it or set ${variable}; looked for ${programs.join(", ")} on the path`,
  );
}
