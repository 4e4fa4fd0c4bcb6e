namespace Selvedge.Local.Cosmos;

/// <summary>How a <see cref="CosmosStore"/> behaves. The defaults suit a small machine.</summary>
public sealed record CosmosStoreOptions
{
    /// <summary>Physical partition ranges shown to clients, 1 to 64. They are views on one file; more than one exercises a client's merging.</summary>
    public int PartitionRanges { get; init; } = 1;

    /// <summary>SQLite page cache of the writer, in mebibytes. Each of the readers takes an eighth of it.</summary>
    public int CacheMebibytes { get; init; } = 32;

    /// <summary>Readers at most at one time; others wait.</summary>
    public int Readers { get; init; } = 8;

    /// <summary>The clock <c>_ts</c> and expiry are taken from.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>SQLite's <c>max_page_count</c> (pages of 4096 bytes): a small one stands for a full disk in tests.</summary>
    internal long? MaxPageCount { get; init; }
}

/// <summary>The store cannot be opened, or cannot go on. The message says what to do.</summary>
public sealed class CosmosStoreException : Exception
{
    /// <summary>Makes one with a message for a person.</summary>
    public CosmosStoreException(string message)
        : base(message)
    {
    }

    /// <summary>Makes one with a message for a person and what caused it.</summary>
    public CosmosStoreException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
