namespace Selvedge.Local.Channels;

/// <summary>
/// What a simulated channel shows and sells: one number for each place and item. What was set is sold from at once and read back only
/// <see cref="VisibleAfter"/> later, as eventually consistent channels do. The test says what there truly is; what is sold beyond that is counted.
/// </summary>
public sealed class SimulatedStock(TimeProvider time)
{
    sealed class Offer
    {
        public long Units, Before;
        public DateTimeOffset SetAt = DateTimeOffset.MinValue;
        public bool Blocked;
    }

    readonly SortedDictionary<(string Place, string Item), Offer> offers = [];
    readonly Dictionary<string, long> truth = new(StringComparer.Ordinal), sold = new(StringComparer.Ordinal);
    readonly Lock gate = new();

    /// <summary>The channel takes what it sells off its own number.</summary>
    public bool Decrements { get; set; } = true;

    /// <summary>How long a read shows the number before.</summary>
    public TimeSpan VisibleAfter { get; set; }

    /// <summary>Numbers that were set.</summary>
    public int Sets { get; private set; }

    /// <summary>Places and items there are.</summary>
    public IReadOnlyList<(string Place, string Item)> Keys { get { lock (gate) return [.. offers.Keys]; } }

    /// <summary>There is an item here; without it nothing can be set.</summary>
    public void Add(string item, string place = "", long units = 0)
    {
        lock (gate) offers[(place, item)] = new() { Units = units, Before = units };
    }

    public bool Has(string item, string place = "")
    {
        lock (gate) return offers.ContainsKey((place, item));
    }

    /// <summary>Sets the number; false when there is no such item here.</summary>
    public bool Set(string item, long units, string place = "")
    {
        lock (gate)
        {
            if (!offers.TryGetValue((place, item), out var offer)) return false;
            (offer.Before, offer.Units, offer.SetAt) = (Visible(offer), units, time.GetUtcNow());
            Sets++;
            return true;
        }
    }

    /// <summary>The offer is withdrawn, or not any more, whatever its number.</summary>
    public void Block(string item, bool blocked, string place = "")
    {
        lock (gate) offers[(place, item)].Blocked = blocked;
    }

    /// <summary>What it sells from.</summary>
    public long Units(string item, string place = "")
    {
        lock (gate) return offers.TryGetValue((place, item), out var offer) && !offer.Blocked ? offer.Units : 0;
    }

    /// <summary>What a read shows.</summary>
    public long Shown(string item, string place = "")
    {
        lock (gate) return offers.TryGetValue((place, item), out var offer) ? Visible(offer) : 0;
    }

    /// <summary>A buyer takes units; false when it shows fewer.</summary>
    public bool Sell(string item, long units, string place = "")
    {
        lock (gate)
        {
            if (!offers.TryGetValue((place, item), out var offer) || offer.Blocked || offer.Units < units) return false;
            if (Decrements) (offer.Units, offer.Before) = (offer.Units - units, offer.Before - units);
            sold[item] = sold.GetValueOrDefault(item) + units;
            return true;
        }
    }

    /// <summary>How many units of an item there truly are, in all its places together, from the beginning.</summary>
    public void IsTruly(string item, long units)
    {
        lock (gate) truth[item] = units;
    }

    public long Sold(string item)
    {
        lock (gate) return sold.GetValueOrDefault(item);
    }

    /// <summary>Units sold that nobody had, of the items whose truth is known.</summary>
    public long Oversold
    {
        get { lock (gate) return truth.Sum(item => Math.Max(0, sold.GetValueOrDefault(item.Key) - item.Value)); }
    }

    long Visible(Offer offer) => time.GetUtcNow() < offer.SetAt + VisibleAfter ? Math.Max(0, offer.Before) : offer.Units;
}
