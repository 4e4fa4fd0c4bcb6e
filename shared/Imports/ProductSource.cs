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

    // By half of the SHA-256 of the code's id: the ids themselves would be more than the file.
    readonly Dictionary<UInt128, (string Sku, int Line)> codes = [];

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

    /// <summary>The SKU and line that have this code already; null when it is the first (or the same line again).</summary>
    protected (string Sku, int Line)? Taken(string code, string sku, int line)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(MemoryMarshal.AsBytes(Alias.IdOf(code).AsSpan()), hash);
        var key = BinaryPrimitives.ReadUInt128LittleEndian(hash);
        if (codes.TryAdd(key, (sku, line))) return null;
        var (other, there) = codes[key];
        return there == line && other == sku ? null : (other, there);
    }

    /// <summary>What of the check by itself is no longer needed.</summary>
    protected void Checked()
    {
        codes.Clear();
        codes.TrimExcess();
    }
}
