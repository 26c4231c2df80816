import FoundationEssentials
import PKI

/// Numbered, append-only: what is in a released version is never changed, only followed by another.
package enum Migrations {
  /// Brings the file to this version's schema.
  ///
  /// - Throws: `WrittenByNewer` when a later certfleet has migrated it further.
  static func migrate(_ database: SQLiteConnection, sealing: SealingKey) throws {
    let found = try database.rows("PRAGMA user_version") { $0.integer(0) }.first ?? 0
    guard found <= all.count else { throw WrittenByNewer(found: found, known: all.count) }
    for (index, migration) in all.enumerated().dropFirst(found) {
      try database.transaction {
        try database.execute(migration)
        if migration == seals { try Seals.seal(database, with: sealing) }
        if migration == forms { try EarlierForm.rewrite(database) }
        try database.execute("PRAGMA user_version = \(index + 1)")
      }
    }
  }

  package struct WrittenByNewer: Error, CustomStringConvertible {
    let found: Int
    let known: Int
    package var description: String {
      "the database was written by a newer certfleet (schema \(found), this one knows \(known)); use that version"
    }
  }

  static let all = [
    declaredAndIssued + carriedOut, issuersOfSeveralKinds + issuingForGood, goingBack,
    rolloutsInFull, severalHostKeys, seals, forms, looks, pinsOfLeftOvers, ways,
    chains, plans,
  ]

  /// With tables that another version brings to another schema.
  package struct OthersAtWork: Error, CustomStringConvertible {
    let names: [String]
    package var description: String {
      "an earlier version's schema is there, and controllers are at work with it: \(names.joined(separator: ", ")); stop them, upgrade them all, and start them again"
    }
  }

  static let eventIsNeverRemoved =
    "CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event BEGIN SELECT RAISE (ABORT, 'events are never removed'); END"

  /// A plan's visits as rows, with what several have in common stored once. Plans from before have them in their JSON.
  private static let plans = """
    CREATE TABLE plan_part (
      rollout INTEGER NOT NULL REFERENCES rollout (id), number INTEGER NOT NULL,
      part TEXT NOT NULL CHECK (json_valid(part)), PRIMARY KEY (rollout, number)) STRICT;
    CREATE TABLE planned_visit (
      rollout INTEGER NOT NULL REFERENCES rollout (id), number INTEGER NOT NULL, wave INTEGER NOT NULL, host TEXT NOT NULL,
      address TEXT NOT NULL, settings INTEGER NOT NULL, certificates INTEGER NOT NULL, was_unreachable INTEGER NOT NULL,
      PRIMARY KEY (rollout, number)) STRICT, WITHOUT ROWID;
    """

  /// Which of several logs it is an event of, where there are several controllers; here there is one, without a name.
  private static let chains = """
    ALTER TABLE event ADD COLUMN chain TEXT NOT NULL DEFAULT '';
    -- Its place in that log.
    ALTER TABLE event ADD COLUMN number INTEGER;
    DROP TRIGGER event_is_never_changed;
    UPDATE event SET number = id;
    CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
      BEGIN SELECT RAISE (ABORT, 'events are never changed'); END;
    """

  /// A host that is declared no more and has something of ours still is reached until that is taken away.
  private static let pinsOfLeftOvers = """
    ALTER TABLE host_key RENAME TO former;
    CREATE TABLE host_key (
      host TEXT NOT NULL, type TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, pinned_at REAL NOT NULL,
      PRIMARY KEY (host, key)) STRICT;
    INSERT INTO host_key SELECT * FROM former;
    DROP TABLE former;
    """

  private static let ways = """
    CREATE TABLE learned_way (host TEXT PRIMARY KEY, reason TEXT NOT NULL, basis TEXT NOT NULL) STRICT;
    """

  /// What was last seen of each certificate on each host. What a visit brought there counts as seen when it ended.
  private static let looks = """
    CREATE TABLE observation (
      host TEXT NOT NULL, lineage TEXT NOT NULL,
      -- When its files were as they should be, and its endpoints served it.
      disk_at REAL, served_at REAL,
      -- Why the last look saw nothing; empty where it saw.
      failure TEXT NOT NULL DEFAULT '',
      drift TEXT, detail TEXT NOT NULL DEFAULT '', drifted_at REAL,
      -- When anything was seen there, good or not.
      looked_at REAL,
      -- The certificate that was there, and whether its key fits.
      generation INTEGER, fingerprint TEXT, names TEXT, not_before REAL, not_after REAL, key TEXT,
      -- How often drift was mended within a day, and when last.
      mends INTEGER NOT NULL DEFAULT 0, mended_at REAL,
      PRIMARY KEY (host, lineage)) STRICT;

    -- Who this is to hosts; one row. restored_at: the state came from a backup then, and hosts may have what it does not know.
    CREATE TABLE controller (id TEXT PRIMARY KEY, name TEXT NOT NULL, made_at REAL NOT NULL, restored_at REAL) STRICT;

    -- What is declared of the fleet as a whole.
    CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL CHECK (json_valid(value))) STRICT;
    INSERT INTO observation (host, lineage, disk_at, served_at)
      SELECT host, lineage, MAX(kept_at), MAX(COALESCE(served_at, kept_at)) FROM placement
      WHERE gone_at IS NULL AND kept_at IS NOT NULL GROUP BY host, lineage;
    """

  /// JSON in a form of our own (`FleetJSON.form`). What hashes and seals cover stays as it was written.
  private static let forms = """
    ALTER TABLE event ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE rollout ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE certificate ADD COLUMN form INTEGER NOT NULL DEFAULT 1;
    """

  /// What shows that nothing was altered or cut off behind the controller's back.
  private static let seals = """
    CREATE TABLE seal (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
    ALTER TABLE certificate ADD COLUMN seal BLOB;
    """

  private static let goingBack = """
    -- A generation that hosts were taken back from: it is not rolled out again.
    ALTER TABLE certificate ADD COLUMN withdrawn_at REAL;
    """

  /// More than one key of a type, so that the next one can be pinned before the host changes to it.
  private static let severalHostKeys = """
    ALTER TABLE host_key RENAME TO former;
    CREATE TABLE host_key (
      host TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
      type TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, pinned_at REAL NOT NULL,
      PRIMARY KEY (host, key)) STRICT;
    INSERT INTO host_key SELECT * FROM former;
    DROP TABLE former;
    """

  private static let rolloutsInFull = """
    ALTER TABLE wave ADD COLUMN since REAL;
    ALTER TABLE visit ADD COLUMN is_revert INTEGER NOT NULL DEFAULT 0;
    -- The further files that were put there with it; unknown for what was placed before.
    ALTER TABLE placement ADD COLUMN files TEXT CHECK (files IS NULL OR json_valid(files));

    -- What lists say of a plan, so that they need not read it.
    ALTER TABLE rollout ADD COLUMN policy TEXT NOT NULL DEFAULT '';
    ALTER TABLE rollout ADD COLUMN hosts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE rollout ADD COLUMN lineages TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(lineages));
    CREATE TEMPORARY TABLE planned AS
      SELECT r.id AS rollout, json_extract(v.value, '$.host.name') AS host, json_extract(c.value, '$.lineage') AS lineage
      FROM rollout AS r, json_each(r.plan, '$.waves') AS w, json_each(w.value) AS v,
        json_each(v.value, '$.certificates') AS c;
    UPDATE rollout SET policy = json_extract(plan, '$.policy.name'),
      hosts = (SELECT count(DISTINCT host) FROM planned WHERE planned.rollout = rollout.id),
      lineages = (SELECT json_group_array(lineage) FROM
        (SELECT DISTINCT lineage FROM planned WHERE planned.rollout = rollout.id ORDER BY lineage));

    -- How a host's last visit for a lineage ended.
    CREATE TABLE last_result (
      host TEXT NOT NULL, lineage TEXT NOT NULL, rollout INTEGER NOT NULL, end TEXT NOT NULL, reason TEXT NOT NULL,
      at REAL NOT NULL, PRIMARY KEY (host, lineage)) STRICT;
    INSERT OR REPLACE INTO last_result
      SELECT v.host, p.lineage, v.rollout, v.end, v.reason, v.ended_at
      FROM visit AS v JOIN planned AS p USING (rollout, host) WHERE v.end IS NOT NULL ORDER BY v.rollout;
    DROP TABLE planned;

    -- Hosts whose last visit under a policy did not end well, and how often in a row for the same.
    CREATE TABLE setback (
      host TEXT NOT NULL, policy TEXT NOT NULL, failures INTEGER NOT NULL, end TEXT NOT NULL, reason TEXT NOT NULL,
      at REAL NOT NULL, rollout INTEGER NOT NULL, wanted TEXT NOT NULL CHECK (json_valid(wanted)),
      PRIMARY KEY (host, policy)) STRICT;

    -- What people said to rollouts.
    CREATE TABLE instruction (
      id INTEGER PRIMARY KEY, rollout INTEGER NOT NULL REFERENCES rollout (id),
      instruction TEXT NOT NULL CHECK (json_valid(instruction)), author TEXT NOT NULL, why TEXT NOT NULL,
      at REAL NOT NULL) STRICT;
    """

  private static let declaredAndIssued = """
    CREATE TABLE host (name TEXT PRIMARY KEY, spec TEXT NOT NULL CHECK (json_valid(spec))) STRICT;
    CREATE TABLE issuer (name TEXT PRIMARY KEY, spec TEXT NOT NULL CHECK (json_valid(spec))) STRICT;
    CREATE TABLE policy (name TEXT PRIMARY KEY, spec TEXT NOT NULL CHECK (json_valid(spec))) STRICT;
    CREATE TABLE lineage (name TEXT PRIMARY KEY, spec TEXT NOT NULL CHECK (json_valid(spec))) STRICT;

    CREATE TABLE host_key (
      host TEXT NOT NULL REFERENCES host (name) ON DELETE CASCADE,
      type TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, pinned_at REAL NOT NULL,
      PRIMARY KEY (host, type)) STRICT;

    CREATE TABLE account (
      issuer TEXT NOT NULL, directory TEXT NOT NULL, url TEXT, key BLOB NOT NULL,
      PRIMARY KEY (issuer, directory)) STRICT;

    CREATE TABLE acme_order (
      lineage TEXT PRIMARY KEY, directory TEXT NOT NULL, url TEXT NOT NULL, names TEXT NOT NULL, key BLOB NOT NULL,
      made_at REAL NOT NULL) STRICT;

    CREATE TABLE certificate (
      lineage TEXT NOT NULL, generation INTEGER NOT NULL, facts TEXT NOT NULL CHECK (json_valid(facts)),
      chain TEXT NOT NULL, key BLOB NOT NULL,
      PRIMARY KEY (lineage, generation)) STRICT;
    """

  private static let carriedOut = """
    CREATE TABLE lease (epoch INTEGER PRIMARY KEY, holder TEXT NOT NULL, since REAL NOT NULL) STRICT;

    CREATE TABLE rollout (
      id INTEGER PRIMARY KEY AUTOINCREMENT, plan TEXT NOT NULL CHECK (json_valid(plan)), plan_hash TEXT NOT NULL,
      state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', started_at REAL NOT NULL, ended_at REAL) STRICT;

    CREATE TABLE wave (
      rollout INTEGER NOT NULL REFERENCES rollout (id), number INTEGER NOT NULL, state TEXT NOT NULL,
      reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (rollout, number)) STRICT;

    CREATE TABLE visit (
      rollout INTEGER NOT NULL REFERENCES rollout (id), host TEXT NOT NULL, wave INTEGER NOT NULL,
      attempt INTEGER NOT NULL, token TEXT NOT NULL, end TEXT, reason TEXT NOT NULL DEFAULT '',
      started_at REAL NOT NULL, ended_at REAL, PRIMARY KEY (rollout, host)) STRICT;
    CREATE INDEX visit_of_host ON visit (host, started_at);

    -- One generation on one host: staged, active, served, kept (its visit ended well), gone.
    CREATE TABLE placement (
      host TEXT NOT NULL, lineage TEXT NOT NULL, generation INTEGER NOT NULL,
      staged_at REAL, active_at REAL, served_at REAL, kept_at REAL, gone_at REAL,
      PRIMARY KEY (host, lineage, generation)) STRICT;

    CREATE TABLE event (
      id INTEGER PRIMARY KEY, at REAL NOT NULL, rollout INTEGER, wave INTEGER, host TEXT, attempt INTEGER,
      lineage TEXT, kind TEXT NOT NULL CHECK (json_valid(kind)), hash TEXT NOT NULL) STRICT;
    CREATE INDEX event_of_host ON event (host, id);
    CREATE INDEX event_of_rollout ON event (rollout, id);
    CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
      BEGIN SELECT RAISE (ABORT, 'events are never changed'); END;
    CREATE TRIGGER event_is_never_removed BEFORE DELETE ON event
      BEGIN SELECT RAISE (ABORT, 'events are never removed'); END;
    """

  /// What was declared before there were other issuers than ACME, and other challenges than our own listener.
  private static let issuersOfSeveralKinds = """
    UPDATE issuer SET spec = json_set(spec, '$.type', 'acme', '$.parallel', 10);
    UPDATE lineage SET spec = json_set(spec,
      '$.key', json_object('isReused', json('false'), 'place', 'controller', 'type', json_extract(spec, '$.key')),
      '$.challenge', json_object('type', 'http-01', 'listen', json_extract(spec, '$.challenge.http01.listen')));

    """

  private static let issuingForGood = """
    ALTER TABLE account ADD COLUMN contact TEXT;
    ALTER TABLE account ADD COLUMN next_key BLOB;

    -- An order is of one lineage with one CA; the key is ours, or a host's and then only named, with its request.
    CREATE TABLE new_order (
      lineage TEXT NOT NULL, directory TEXT NOT NULL, url TEXT NOT NULL, names TEXT NOT NULL, key BLOB,
      host_key TEXT, request BLOB, made_at REAL NOT NULL, PRIMARY KEY (lineage, directory),
      CHECK ((key IS NULL) <> (host_key IS NULL))) STRICT;
    INSERT INTO new_order (lineage, directory, url, names, key, made_at)
      SELECT lineage, directory, url, names, key, made_at FROM acme_order;
    DROP TABLE acme_order;
    ALTER TABLE new_order RENAME TO acme_order;

    CREATE TABLE new_certificate (
      lineage TEXT NOT NULL, generation INTEGER NOT NULL, facts TEXT NOT NULL CHECK (json_valid(facts)),
      chain TEXT NOT NULL, key BLOB, host_key TEXT, request BLOB, revoked_at REAL,
      PRIMARY KEY (lineage, generation), CHECK ((key IS NULL) <> (host_key IS NULL))) STRICT;
    INSERT INTO new_certificate (lineage, generation, facts, chain, key)
      SELECT lineage, generation, facts, chain, key FROM certificate;
    DROP TABLE certificate;
    ALTER TABLE new_certificate RENAME TO certificate;

    CREATE TABLE renewal_advice (
      lineage TEXT PRIMARY KEY, advice TEXT NOT NULL CHECK (json_valid(advice))) STRICT;
    CREATE TABLE backoff (
      lineage TEXT NOT NULL, directory TEXT NOT NULL, backoff TEXT NOT NULL CHECK (json_valid(backoff)),
      PRIMARY KEY (lineage, directory)) STRICT;
    -- What was shown to a CA and has to be taken away again, whatever happens in between.
    CREATE TABLE presented (
      lineage TEXT NOT NULL, challenge TEXT NOT NULL CHECK (json_valid(challenge)),
      proof TEXT NOT NULL CHECK (json_valid(proof)), PRIMARY KEY (lineage, challenge, proof)) STRICT;
    """
}
