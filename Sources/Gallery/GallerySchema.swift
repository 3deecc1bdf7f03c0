import GRDB

/// The tables of a gallery file and how older ones become the present ones.
enum GallerySchema {
    /// Kept in the file's header: `FWOC`.
    static let applicationID = 0x4657_4F43
    static let version = 1

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
        return migrator
    }
}
