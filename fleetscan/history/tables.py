"""The tables of a history file, for SQLite: one row an episode, one a night.

An episode is a patch that a VM misses, from the first night that saw it to the night that no longer did.
Rows are small because there are millions: VMs, patches and nights are numbers, an open episode stands in
`missing`, and one that has ended in `ended`, in the order of the nights that ended it. The view `episode`
shows both in plain words, for people with SQL.
"""

from __future__ import annotations

# "FSHI": what SQLite keeps in the file's head to tell what wrote it.
APPLICATION_ID = 0x46534849
VERSION = 1

TABLES = """
CREATE TABLE source (endpoint TEXT, tenant_id TEXT);

CREATE TABLE night (
    number INTEGER PRIMARY KEY,
    scan_id TEXT NOT NULL UNIQUE,
    started_at TEXT NOT NULL,
    is_complete INTEGER NOT NULL,
    selection TEXT NOT NULL,
    figures TEXT NOT NULL
);

CREATE TABLE scope (number INTEGER PRIMARY KEY, subscription_id TEXT NOT NULL, prefix TEXT NOT NULL UNIQUE);

CREATE TABLE vm (
    number INTEGER PRIMARY KEY,
    scope INTEGER NOT NULL REFERENCES scope,
    name TEXT NOT NULL,
    assessed INTEGER,
    UNIQUE (scope, name)
);

CREATE TABLE patch (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL,
    is_kb INTEGER NOT NULL,
    UNIQUE (key, is_kb)
);

CREATE TABLE edition (
    number INTEGER PRIMARY KEY,
    patch INTEGER NOT NULL REFERENCES patch,
    name TEXT,
    version TEXT,
    classifications TEXT NOT NULL,
    published_on TEXT,
    is_critical_or_security INTEGER NOT NULL
);
CREATE INDEX edition_of_patch ON edition (patch);

CREATE TABLE missing (
    vm INTEGER NOT NULL,
    patch INTEGER NOT NULL,
    edition INTEGER NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (vm, patch)
) WITHOUT ROWID;

CREATE TABLE ended (
    gone INTEGER NOT NULL,
    vm INTEGER NOT NULL,
    edition INTEGER NOT NULL,
    first INTEGER NOT NULL,
    is_vm_gone INTEGER NOT NULL,
    PRIMARY KEY (gone, vm, edition)
) WITHOUT ROWID;

CREATE VIEW episode AS
WITH every AS (
    SELECT vm, edition, first, NULL AS gone, NULL AS is_vm_gone FROM missing
    UNION ALL SELECT vm, edition, first, gone, is_vm_gone FROM ended
)
SELECT
    scope.prefix || vm.name AS resource_id,
    patch.key AS patch,
    edition.name,
    edition.version,
    edition.classifications,
    edition.published_on,
    edition.is_critical_or_security,
    seen.started_at AS first_seen_at,
    ending.started_at AS gone_at,
    CASE every.is_vm_gone WHEN 0 THEN 'installed' WHEN 1 THEN 'vm gone' END AS how,
    assessing.started_at AS vm_last_assessed_at
FROM every
JOIN vm ON vm.number = every.vm
JOIN scope ON scope.number = vm.scope
JOIN edition ON edition.number = every.edition
JOIN patch ON patch.number = edition.patch
JOIN night AS seen ON seen.number = every.first
LEFT JOIN night AS assessing ON assessing.number = vm.assessed
LEFT JOIN night AS ending ON ending.number = every.gone;
"""
