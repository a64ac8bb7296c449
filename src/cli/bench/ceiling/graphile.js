// Adds so many jobs that do nothing, runs graphile-worker at its default settings until all are done, and tells how fast,
// from the first one done to the last: how long it takes to start is not its speed. Started in a folder in which
// graphile-worker was installed; the database is named by libpq's variables.
const { run, makeWorkerUtils } = require("graphile-worker");
const jobs = Number(process.argv[1]);

(async () => {
  const utils = await makeWorkerUtils({});
  await utils.migrate();
  await utils.withPgClient((client) =>
    client.query("select graphile_worker.add_job('nothing', '{}') from generate_series(1, $1::int)", [jobs]),
  );
  await utils.release();
  let done = 0;
  let finished;
  const all = new Promise((resolve) => (finished = resolve));
  let started;
  const runner = await run({ taskList: { nothing: async () => {} }, noHandleSignals: true });
  runner.events.on("job:complete", () => {
    done += 1;
    if (done === 1) started = process.hrtime.bigint();
    if (done === jobs) finished();
  });
  await all;
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  await runner.stop();
  console.log(`jobs per second: ${(jobs - 1) / seconds}`);
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
