// nodemailer: a pooled transport, each mail filled by Handlebars when a connection is free.
//
// Runs where `make bench-peers` installed it: node pooled_by_node.mjs FOLDER. Reads a job, prints what it did,
// both as JSON.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

const require = createRequire(`${process.argv[2]}/`);
const handlebars = require("handlebars");
const nodemailer = require("nodemailer");

const job = JSON.parse(readFileSync(0, "utf8"));
const subject = handlebars.compile(job.subject, { noEscape: true });
const text = handlebars.compile(job.text, { noEscape: true });
const html = handlebars.compile(job.html);
const transport = nodemailer.createTransport({
  pool: true,
  host: job.host,
  port: job.port,
  secure: false,
  ignoreTLS: true,
  maxConnections: job.connections,
  maxMessages: Infinity,
});

const mail = (number) => ({
  from: job.sender,
  to: `Alice ${number} <learner-${number}@example.com>`,
  subject: subject(job.values),
  text: text(job.values),
  html: html(job.values),
  headers: { "List-Unsubscribe": job.leave },
});

// As its manual has it: a mail is made when the pool has room for it.
const sending = [];
const began = performance.now();
const before = process.cpuUsage();
while (sending.length < job.messages) {
  while (sending.length < job.messages && transport.isIdle()) {
    sending.push(transport.sendMail(mail(sending.length)));
  }
  if (sending.length < job.messages) {
    await new Promise((resolve) => transport.once("idle", resolve));
  }
}
const sent = await Promise.all(sending);
const seconds = (performance.now() - began) / 1000;
const took = process.cpuUsage(before);
const accepted = sent.filter((each) => each.accepted.length === 1).length;
transport.close();
console.log(JSON.stringify({ seconds, cpu_seconds: (took.user + took.system) / 1e6, sent: accepted }));
