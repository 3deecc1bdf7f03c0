import GRDB

/// The tables of a gallery file and how older ones become the present ones.
enum GallerySchema {
    /// Kept in the file's header: `FWOC`.
    static let applicationID = 0x4657_4F43
    static let version = 2

    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            try db.execute(
                sql: """
                    PRAGMA application_id = \(applicationID);
                    PRAGMA user_version = 1;

                    CREATE TABLE gallery (
                        only INTEGER PRIMARY KEY CHECK (only = 1),
                        revision INTEGER NOT NULL,
                        erasure_pending INTEGER NOT NULL
                    ) STRICT;
                    INSERT INTO gallery VALUES (1, 0, 0);

                    CREATE TABLE person (
                        number INTEGER PRIMARY KEY,
                        id TEXT NOT NULL UNIQUE,
                        name TEXT NOT NULL,
                        name_key TEXT NOT NULL UNIQUE,
                        created INTEGER NOT NULL
                    ) STRICT;

                    CREATE TABLE encoder (
                        modality TEXT PRIMARY KEY,
                        fingerprint TEXT NOT NULL,
                        dimension INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 4096)
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE template (
                        id INTEGER PRIMARY KEY,
                        person INTEGER NOT NULL REFERENCES person (number) ON DELETE CASCADE,
                        modality TEXT NOT NULL REFERENCES encoder (modality),
                        embedding BLOB NOT NULL,
                        quality REAL NOT NULL CHECK (quality BETWEEN 0 AND 1),
                        origin TEXT NOT NULL,
                        enrolled INTEGER NOT NULL
                    ) STRICT;
                    CREATE INDEX template_of_person ON template (person, modality);
                    """)
        }
        migrator.registerMigration("2") { db in
            try db.execute(
                sql: """
                    PRAGMA user_version = 2;

                    ALTER TABLE gallery ADD COLUMN templates_revision INTEGER NOT NULL DEFAULT 0;

                    CREATE TABLE calibration (
                        only INTEGER PRIMARY KEY CHECK (only = 1),
                        false_accept REAL NOT NULL CHECK (false_accept > 0 AND false_accept < 1),
                        score_scale TEXT NOT NULL,
                        revision INTEGER NOT NULL,
                        fitted INTEGER NOT NULL
                    ) STRICT;

                    CREATE TABLE calibration_encoder (
                        modality TEXT PRIMARY KEY,
                        fingerprint TEXT NOT NULL,
                        dimension INTEGER NOT NULL CHECK (dimension BETWEEN 1 AND 4096)
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE calibration_set (
                        modalities TEXT PRIMARY KEY,
                        threshold REAL NOT NULL,
                        llr_slope REAL NOT NULL,
                        llr_offset REAL NOT NULL,
                        genuine INTEGER NOT NULL,
                        impostors INTEGER NOT NULL,
                        people INTEGER NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE calibration_step (
                        modalities TEXT NOT NULL,
                        score REAL NOT NULL,
                        bound REAL NOT NULL,
                        PRIMARY KEY (modalities, score)
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
