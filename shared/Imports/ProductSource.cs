using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Selvedge.Catalogue;

namespace Selvedge.Imports;

/// <summary>
/// Styles in a file, which is checked by itself when it is opened. Only where each style stands is kept, so that a file of any length takes little
/// memory; a draft is read from the file each time it is asked for.
/// </summary>
public abstract class ProductSource
{
    /// <summary>SKUs in one file, at most: what is kept of each adds up.</summary>
    public const int MostRows = 500_000;

    readonly DateTimeOffset read = DateTimeOffset.UtcNow;

    // By half of the SHA-256 of the code's id: the ids themselves would be more than the file.
    readonly Dictionary<UInt128, (string Sku, int Line)> codes = [];

    // The few that have dates: several SKUs may have one of them, one after the other.
    readonly List<(string Id, ProductCode Code, string Sku, int Line)> dated = [];

    /// <summary>SKUs in the file, and styles.</summary>
    public int Rows { get; protected set; }
    public abstract int Styles { get; }

    /// <summary>How many SKUs a style has.</summary>
    public abstract int RowsOf(int style);

    public abstract StyleDraft Draft(int style);

    /// <summary>The SKUs that the file names as components of others.</summary>
    public HashSet<string> Parts { get; } = new(StringComparer.Ordinal);

    /// <summary>Notes what the catalogue objects to where it stands in the file.</summary>
    public abstract void Note(Objection objection);

    /// <summary>The SKU and line that have this code already, at the same time; null when it is the first (or the same line again).</summary>
    protected (string Sku, int Line)? Taken(ProductCode code, string sku, int line)
    {
        var id = Alias.IdOf(code.Code);
        foreach (var held in dated)
            if (held.Id == id && (held.Sku, held.Line) != (sku, line) && held.Code.Overlaps(code, read)) return (held.Sku, held.Line);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(MemoryMarshal.AsBytes(id.AsSpan()), hash);
        var key = BinaryPrimitives.ReadUInt128LittleEndian(hash);
        if ((code.From ?? code.To) is not null)
        {
            dated.Add((id, code, sku, line));
            return codes.TryGetValue(key, out var plain) && plain != (sku, line) && new ProductCode(code.Code).Overlaps(code, read) ? plain : null;
        }
        if (codes.TryAdd(key, (sku, line))) return null;
        var (other, there) = codes[key];
        return there == line && other == sku ? null : (other, there);
    }

    /// <summary>What of the check by itself is no longer needed.</summary>
    protected void Checked()
    {
        dated.Clear();
        codes.Clear();
        codes.TrimExcess();
    }
}
