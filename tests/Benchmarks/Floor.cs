using System.Diagnostics;
using System.Text;
using SQLitePCL;

namespace Selvedge.Tests.Benchmarks;

/// <summary>
/// The floor: a plain loop on one SQLite file (WAL, synchronous=FULL) that writes the same three rows per command — the balance replaced, a claim and
/// an entry inserted, with bodies of the ledger's sizes — and commits once per group. No JSON, no SDK, no queue, no checks.
/// </summary>
internal static class Floor
{
    /// <summary>Commands per second.</summary>
    public static double Run(double seconds, int group)
    {
        var folder = Directory.CreateTempSubdirectory("selvedge-floor-").FullName;
        try
        {
            Batteries_V2.Init();
            Check(raw.sqlite3_open(Path.Combine(folder, "floor.db"), out var db));
            foreach (var sql in new[] { "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE items(lsn INTEGER PRIMARY KEY, key BLOB NOT NULL, body BLOB)", "CREATE UNIQUE INDEX items_key ON items(key)" })
                Check(raw.sqlite3_exec(db, sql));
            Check(raw.sqlite3_prepare_v2(db, "INSERT INTO items(lsn, key, body) VALUES(?1, ?2, ?3)", out var insert));
            Check(raw.sqlite3_prepare_v2(db, "UPDATE items SET lsn = ?1, body = ?3 WHERE key = ?2", out var update));
            var (balance, claim, entry) = (Body(460), Body(330), Body(760));
            var lsn = 0L;
            for (var i = 0; i < 500; i++) Write(insert, ++lsn, Key(i, "balance"), balance);
            var (clock, done) = (Stopwatch.StartNew(), 0L);
            while (clock.Elapsed.TotalSeconds < seconds)
            {
                Check(raw.sqlite3_exec(db, "BEGIN IMMEDIATE"));
                for (var i = 0; i < group; i++, done++)
                {
                    var sku = (int)(done % 500);
                    Write(update, ++lsn, Key(sku, "balance"), balance);
                    Write(insert, ++lsn, Key(sku, $"c:shopify-au~3A{5_000_000_000_000 + done}:1:WH1"), claim);
                    Write(insert, ++lsn, Key(sku, $"e:shopify-au~3A{5_000_000_000_000 + done}:1:r1"), entry);
                }
                Check(raw.sqlite3_exec(db, "COMMIT"));
            }
            var rate = done / clock.Elapsed.TotalSeconds;
            raw.sqlite3_finalize(insert);
            raw.sqlite3_finalize(update);
            raw.sqlite3_close_v2(db);
            return rate;
        }
        finally { Directory.Delete(folder, recursive: true); }
    }

    static byte[] Body(int length) => Encoding.ASCII.GetBytes(new string('x', length));

    // As in the store: 16 bytes that scatter partitions, then the id.
    static byte[] Key(int sku, string id)
    {
        var key = new byte[16 + Encoding.UTF8.GetByteCount(id)];
        var hash = System.Security.Cryptography.SHA256.HashData(BitConverter.GetBytes(sku));
        hash.AsSpan(0, 16).CopyTo(key);
        Encoding.UTF8.GetBytes(id, key.AsSpan(16));
        return key;
    }

    static void Write(sqlite3_stmt statement, long lsn, byte[] key, byte[] body)
    {
        raw.sqlite3_bind_int64(statement, 1, lsn);
        raw.sqlite3_bind_blob(statement, 2, key);
        raw.sqlite3_bind_blob(statement, 3, body);
        if (raw.sqlite3_step(statement) != raw.SQLITE_DONE) throw new InvalidOperationException("SQLite refused a row of the floor.");
        raw.sqlite3_reset(statement);
    }

    static void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new InvalidOperationException($"SQLite answered {code}.");
    }
}
