namespace Selvedge.Local.Cosmos;

/// <summary>What is done to an item; the numbers are those of the batch format.</summary>
internal enum OperationKind
{
    Create = 0,
    Patch = 1,
    Read = 2,
    Delete = 4,
    Replace = 5,
    Upsert = 20,
}

/// <summary>One checked operation on one item, and, once the writer has decided it, its outcome.</summary>
internal sealed class Operation(OperationKind kind, byte[] key)
{
    public const long Any = long.MaxValue;
    public const long None = 0;

    public OperationKind Kind { get; } = kind;

    /// <summary>Effective partition key and id.</summary>
    public byte[] Key { get; } = key;

    /// <summary>The item to write; after a read or patch, the item found or made. Without system properties.</summary>
    public ReadOnlyMemory<byte> Body { get; set; }

    /// <summary>The item's own <c>ttl</c>, in seconds.</summary>
    public int? Ttl { get; set; }

    /// <summary>The item has a property that the container indexes.</summary>
    public bool Indexed { get; set; }

    /// <summary>LSN the item must have; <see cref="None"/>: no condition, <see cref="Any"/>: it must exist, -1: never met.</summary>
    public long IfMatch { get; init; }

    /// <summary>LSN at which a read answers 304; same values.</summary>
    public long IfNoneMatch { get; init; }

    public PatchRequest? Patch { get; init; }

    /// <summary>For a patch: the key the patched item must still have.</summary>
    public PartitionKey? PartitionKey { get; init; }

    /// <summary>Index of the operation of the same batch that touched this key last; -1: none did.</summary>
    public int Previous { get; set; } = -1;

    public int Status { get; private set; }

    public int SubStatus { get; private set; }

    public string? Error { get; private set; }

    /// <summary>Version after the operation (which is the ETag); 0 when nothing is left.</summary>
    public long Lsn { get; set; }

    /// <summary>Creation number.</summary>
    public long Rid { get; set; }

    /// <summary>Seconds since 1970.</summary>
    public long Ts { get; set; }

    public bool Failed => Status >= 400;

    public void Succeed(int status) => (Status, SubStatus, Error) = (status, 0, null);

    public void Fail(int status, string? error, int subStatus = 0)
    {
        Status = status;
        SubStatus = subStatus;
        Error = error;
    }

    /// <summary>Links operations on one key, so that each sees what the one before it left.</summary>
    public static void Link(Operation[] operations)
    {
        for (var i = 1; i < operations.Length; i++)
        {
            for (var j = i - 1; j >= 0; j--)
            {
                if (operations[i].Key.AsSpan().SequenceEqual(operations[j].Key))
                {
                    operations[i].Previous = j;
                    break;
                }
            }
        }
    }
}
