#if PostgreSQL
  import Fleet
  import FoundationEssentials
  import PKI

  /// The tables, numbered and append-only as SQLite's are; there is no earlier form of anything in them.
  enum PostgreSQLSchema {
    /// Brings the database to this version's schema; of several that begin at once one makes it.
    ///
    /// - Parameters:
    ///   - key: gives the sealing key; it is told whether the database is new.
    ///   - makes: whether a database without tables is one of ours to be.
    /// - Returns: the sealing key; `nil` where there are no tables, and none are to be made.
    static func migrate(
      _ database: PostgreSQLConnection, makes: Bool, key: (_ isNew: Bool) throws -> SealingKey
    ) throws -> SealingKey? {
      try database.transaction(.whole) {
        var found = 0
        if try !isThere(database) {
          guard makes else { return nil }
          try database.run("CREATE TABLE schema_version (version bigint NOT NULL)")
          try database.run("INSERT INTO schema_version VALUES (0)")
        } else {
          found = try database.rows("SELECT version FROM schema_version") { $0.integer(0) }.first ?? 0
        }
        guard found <= all.count else { throw Migrations.WrittenByNewer(found: found, known: all.count) }
        if found > 0, found < all.count { try refuseIfOthersAreAtWork(database) }
        let sealing = try key(found == 0)
        for migration in all.dropFirst(found) {
          for statement in statements(in: migration) { try database.run(statement) }
        }
        if found == 0 { try Seals.seal(database, with: sealing) }
        if found < all.count {
          try database.run("UPDATE schema_version SET version = ?", [.integer(all.count)])
        }
        return sealing
      }
    }

    /// They would go on with tables that they do not know.
    private static func refuseIfOthersAreAtWork(_ database: PostgreSQLConnection) throws {
      let others = try database.rows(
        "SELECT name, version FROM session WHERE seen_at > clock_timestamp() - \(Store.term) ORDER BY name"
      ) { "\($0.text(0)) (certfleet \($0.text(1)))" }
      guard others.isEmpty else { throw Migrations.OthersAtWork(names: others) }
    }

    static func isThere(_ database: PostgreSQLConnection) throws -> Bool {
      try !database.rows(
        "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'schema_version'"
      ) { $0.integer(0) }.isEmpty
    }

    /// One at a time, as the extended protocol takes them.
    private static func statements(in text: String) -> [String] {
      text.components(separatedBy: ";\n").map(\.trimmed).filter { !$0.isEmpty }
    }

    private static let all = [tables, plans + looks + indexes, siteTasks]

    /// Those that a state consists of, each after those that it refers to.
    static let copied = [
      "host", "issuer", "policy", "lineage", "setting", "host_key", "learned_way", "account", "acme_order",
      "certificate",
      "renewal_advice", "backoff", "presented", "lease", "controller", "seal", "rollout", "wave", "visit",
      "plan_part", "planned_visit", "instruction",
      "placement", "last_result", "setback", "observation", "event",
    ]

    /// Those whose rows the server numbers.
    static let numbered = ["rollout", "instruction", "event"]

    /// Names are compared byte by byte, as everywhere else of ours.
    private static let name = #"text COLLATE "C" NOT NULL"#
    private static func json(_ column: String) -> String {
      "\(column) text NOT NULL CHECK (CAST(\(column) AS json) IS NOT NULL)"
    }

    private static let tables = """
      CREATE TABLE host (name \(name) PRIMARY KEY, \(json("spec")));
      CREATE TABLE issuer (name \(name) PRIMARY KEY, \(json("spec")));
      CREATE TABLE policy (name \(name) PRIMARY KEY, \(json("spec")));
      CREATE TABLE lineage (name \(name) PRIMARY KEY, \(json("spec")));
      CREATE TABLE setting (name \(name) PRIMARY KEY, \(json("value")));
      CREATE TABLE revision (number bigint NOT NULL);
      INSERT INTO revision VALUES (1);

      CREATE TABLE host_key (
        host \(name), type text NOT NULL, key text NOT NULL, fingerprint text NOT NULL,
        pinned_at double precision NOT NULL);
      CREATE UNIQUE INDEX host_key_once ON host_key (host, md5(key));
      CREATE TABLE learned_way (host \(name) PRIMARY KEY, reason text NOT NULL, basis text NOT NULL);

      CREATE TABLE account (
        issuer \(name), directory text NOT NULL, url text, key bytea NOT NULL, contact text, next_key bytea,
        PRIMARY KEY (issuer, directory));
      CREATE TABLE acme_order (
        lineage \(name), directory text NOT NULL, url text NOT NULL, names text NOT NULL, key bytea, host_key text,
        request bytea, made_at double precision NOT NULL, PRIMARY KEY (lineage, directory),
        CHECK ((key IS NULL) <> (host_key IS NULL)));
      CREATE TABLE certificate (
        lineage \(name), generation bigint NOT NULL, \(json("facts")), chain text NOT NULL, key bytea, host_key text,
        request bytea, revoked_at double precision, withdrawn_at double precision, seal bytea,
        form bigint NOT NULL DEFAULT 1, PRIMARY KEY (lineage, generation),
        CHECK ((key IS NULL) <> (host_key IS NULL)));
      CREATE TABLE renewal_advice (lineage \(name) PRIMARY KEY, \(json("advice")));
      CREATE TABLE backoff (
        lineage \(name), directory text NOT NULL, \(json("backoff")), PRIMARY KEY (lineage, directory));
      CREATE TABLE presented (lineage \(name), \(json("challenge")), \(json("proof")));
      CREATE UNIQUE INDEX presented_once ON presented (lineage, md5(challenge), md5(proof));

      CREATE SEQUENCE epoch;
      CREATE TABLE lease (epoch bigint PRIMARY KEY, holder text NOT NULL, since double precision NOT NULL);
      CREATE TABLE controller (
        id text PRIMARY KEY, name text NOT NULL, made_at double precision NOT NULL, restored_at double precision);
      CREATE TABLE seal (name text PRIMARY KEY, value bytea NOT NULL);

      CREATE TABLE rollout (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, \(json("plan")), plan_hash text NOT NULL,
        state text NOT NULL, reason text NOT NULL DEFAULT '', started_at double precision NOT NULL,
        ended_at double precision, policy text NOT NULL DEFAULT '', hosts bigint NOT NULL DEFAULT 0,
        \(json("lineages")) DEFAULT '[]', form bigint NOT NULL DEFAULT 1);
      CREATE TABLE wave (
        rollout bigint NOT NULL REFERENCES rollout (id), number bigint NOT NULL, state text NOT NULL,
        reason text NOT NULL DEFAULT '', since double precision, PRIMARY KEY (rollout, number));
      CREATE TABLE visit (
        rollout bigint NOT NULL REFERENCES rollout (id), host \(name), wave bigint NOT NULL, attempt bigint NOT NULL,
        token text NOT NULL, "end" text, reason text NOT NULL DEFAULT '', started_at double precision NOT NULL,
        ended_at double precision, is_revert bigint NOT NULL DEFAULT 0, PRIMARY KEY (rollout, host));
      CREATE INDEX visit_of_host ON visit (host, started_at);
      CREATE TABLE instruction (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, rollout bigint NOT NULL REFERENCES rollout (id),
        \(json("instruction")), author text NOT NULL, why text NOT NULL, at double precision NOT NULL);

      CREATE TABLE placement (
        host \(name), lineage \(name), generation bigint NOT NULL, staged_at double precision,
        active_at double precision, served_at double precision, kept_at double precision, gone_at double precision,
        files text CHECK (files IS NULL OR CAST(files AS json) IS NOT NULL), PRIMARY KEY (host, lineage, generation));
      CREATE INDEX placement_of_lineage ON placement (lineage, generation);
      CREATE TABLE last_result (
        host \(name), lineage \(name), rollout bigint NOT NULL, "end" text NOT NULL, reason text NOT NULL,
        at double precision NOT NULL, PRIMARY KEY (host, lineage));
      CREATE TABLE setback (
        host \(name), policy \(name), failures bigint NOT NULL, "end" text NOT NULL, reason text NOT NULL,
        at double precision NOT NULL, rollout bigint NOT NULL, \(json("wanted")), PRIMARY KEY (host, policy));
      CREATE TABLE observation (
        host \(name), lineage \(name), disk_at double precision, served_at double precision,
        failure text NOT NULL DEFAULT '', drift text, detail text NOT NULL DEFAULT '', drifted_at double precision,
        looked_at double precision, generation bigint, fingerprint text, names text, not_before double precision,
        not_after double precision, key text, mends bigint NOT NULL DEFAULT 0, mended_at double precision,
        PRIMARY KEY (host, lineage));

      CREATE TABLE event (
        id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, chain \(name), number bigint NOT NULL,
        at double precision NOT NULL,
        rollout bigint, wave bigint, host text COLLATE "C", attempt bigint, lineage text COLLATE "C",
        \(json("kind")), hash text NOT NULL, form bigint NOT NULL DEFAULT 1);
      CREATE INDEX event_of_chain ON event (chain, id);
      CREATE INDEX event_of_host ON event (host, id);
      CREATE INDEX event_of_rollout ON event (rollout, id);
      CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF TG_OP = 'DELETE' AND current_setting('certfleet.archiving', true) = 'yes' THEN RETURN OLD; END IF; RAISE
          EXCEPTION 'events are never changed or removed'; END $$;
      CREATE TABLE session (
        number bigint PRIMARY KEY, controller \(name), name text NOT NULL, sites text NOT NULL, process text NOT NULL,
        version text NOT NULL, takes_part bigint NOT NULL, began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        seen_at timestamptz NOT NULL DEFAULT clock_timestamp());
      CREATE TABLE lease_holder (session bigint PRIMARY KEY, since timestamptz NOT NULL DEFAULT clock_timestamp());
      CREATE TABLE visit_task (
        rollout bigint NOT NULL, host \(name), attempt bigint NOT NULL, number bigint GENERATED BY DEFAULT AS IDENTITY,
        site text,
        \(json("work")), leader bigint NOT NULL, session bigint, epoch bigint, PRIMARY KEY (rollout, host));
      CREATE FUNCTION require_lease(bigint) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN PERFORM 1 FROM lease_holder WHERE session = $1 FOR SHARE; IF NOT FOUND THEN RAISE EXCEPTION
          'another controller leads now' USING ERRCODE = '\(PostgreSQLError.leaseLost)'; END IF; END $$;
      CREATE FUNCTION require_task(bigint, text, bigint) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN PERFORM 1 FROM visit_task WHERE rollout = $1 AND host = $2 AND epoch = $3 FOR SHARE; IF NOT FOUND THEN RAISE
          EXCEPTION 'another controller has taken the visit' USING ERRCODE = '\(PostgreSQLError.leaseLost)'; END IF; END $$;
      CREATE TRIGGER event_is_never_changed BEFORE UPDATE OR DELETE ON event
        FOR EACH ROW EXECUTE FUNCTION refuse_event()
      """

    private static let plans = """
      CREATE TABLE plan_part (
        rollout bigint NOT NULL REFERENCES rollout (id), number bigint NOT NULL, \(json("part")), PRIMARY KEY (rollout, number));
      CREATE TABLE planned_visit (
        rollout bigint NOT NULL REFERENCES rollout (id), number bigint NOT NULL, wave bigint NOT NULL, host \(name),
        address text NOT NULL, settings bigint NOT NULL, certificates bigint NOT NULL, was_unreachable bigint NOT NULL,
        PRIMARY KEY (rollout, number));

      """

    private static let looks = """
      CREATE TABLE look_task (
        number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, site text, \(json("hosts")), lineages text,
        session bigint, result text);

      """

    /// In the place of looks alone.
    private static let siteTasks = """
      DROP TABLE look_task;
      CREATE TABLE site_task (
        number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, kind text NOT NULL, site text, \(json("work")),
        session bigint, result text)
      """

    /// With the host, or a certificate's row of one host is looked for among those of all hosts.
    private static let indexes = """
      DROP INDEX placement_of_lineage;
      CREATE INDEX placement_of_lineage ON placement (lineage, generation, host)
      """
  }
#endif
