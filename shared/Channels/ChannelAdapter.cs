using System.Globalization;
using Selvedge.Orders;

namespace Selvedge.Channels;

/// <summary>
/// One outside system, as far as Selvedge asks anything of it (design, section 5): a folder <c>shared/Channels/&lt;System&gt;</c> and one registration. An adapter only
/// translates: it decides nothing about numbers, keeps no facts and repeats nothing; the lane of the account (the only caller) does. Whatever it is asked may have
/// been asked before with the answer lost, so every call is safe to repeat. Whole calls fail with <see cref="ChannelCallException"/>; single items say so in the answer.
/// </summary>
public abstract class ChannelAdapter
{
    /// <summary>The system's name, as in a channel's <c>kind</c>.</summary>
    public abstract string System { get; }

    /// <summary>What the system is like, by its documentation; a channel's settings may say otherwise.</summary>
    public abstract ChannelTraits Traits { get; }

    /// <summary>Sets numbers: at most <see cref="ChannelTraits.MostAtOnce"/>, each listing once. A paused listing comes with 0 units.</summary>
    public abstract Task<PushAnswer> PushAsync(ChannelAccount account, IReadOnlyList<Push> pushes, CancellationToken cancel);

    /// <summary>What became of what was submitted (<see cref="PushAnswer.Submission"/>); null: not decided yet.</summary>
    public virtual Task<IReadOnlyList<Pushed>?> CheckAsync(ChannelAccount account, string submission, IReadOnlyList<Push> pushes, CancellationToken cancel) => throw Unsupported("submissions");

    /// <summary>The numbers that the channel itself has now, page by page; of <paramref name="which"/>, or of all it has.</summary>
    public abstract IAsyncEnumerable<Shown> ReadAsync(ChannelAccount account, IReadOnlyList<ListingKey>? which, CancellationToken cancel);

    /// <summary>Orders that changed at <paramref name="from"/> or later by the channel's clock, the earliest first; one order may come more than once.</summary>
    public abstract IAsyncEnumerable<ChannelOrder> OrdersAsync(ChannelAccount account, DateTimeOffset from, CancellationToken cancel);

    /// <summary>Says which lines of an order are accepted. Accepted already is success.</summary>
    public virtual Task AcceptAsync(ChannelAccount account, Order order, IReadOnlyList<LineAnswer> lines, CancellationToken cancel) => throw Unsupported("acceptance");

    /// <summary>Says that units of an order will not come. Cancelled already is success.</summary>
    public virtual Task CancelAsync(ChannelAccount account, Order order, IReadOnlyList<LineUnits> lines, string reason, CancellationToken cancel) => throw Unsupported("cancellations");

    /// <summary>Says what left, with its tracking. Told already is success.</summary>
    public virtual Task ShipAsync(ChannelAccount account, Order order, ChannelShipment shipment, CancellationToken cancel) => throw Unsupported("shipments");

    /// <summary>Makes the channel's product what the product master says, deleting nothing, and says of each item what came of it. Items that are as they should be already are success.</summary>
    public virtual Task<PublishAnswer> PublishAsync(ChannelAccount account, ChannelProduct product, CancellationToken cancel) => throw Unsupported("product data");

    /// <summary>What became of a product that was submitted (<see cref="PublishAnswer.Submission"/>); null: nothing is decided yet.</summary>
    public virtual Task<PublishAnswer?> PublishedAsync(ChannelAccount account, ChannelProduct product, string submission, CancellationToken cancel) => throw Unsupported("submissions of product data");

    NotSupportedException Unsupported(string what) => new($"The adapter of '{System}' has no {what}; its traits say so.");
}

/// <summary>What a system is like.</summary>
public sealed record ChannelTraits
{
    /// <summary>Most listings of one <see cref="ChannelAdapter.PushAsync"/>.</summary>
    public required int MostAtOnce { get; init; }

    /// <summary>The channel takes units off its own number when it sells; false: its number stands until it is set.</summary>
    public required bool Decrements { get; init; }

    /// <summary>A push is refused as <see cref="PushResult.Stale"/> where the channel's number is not <see cref="Push.Believed"/>.</summary>
    public bool ComparesAndSets { get; init; }

    /// <summary>How often orders may be read at most, and how far back each read looks again.</summary>
    public required TimeSpan PollEvery { get; init; }
    public TimeSpan Overlap { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long after a sale its order may still be missing from what is read.</summary>
    public TimeSpan OrdersVisibleAfter { get; init; }

    /// <summary>Its places are locations with stock of their own: one that is mapped to none of ours shows nothing.</summary>
    public bool PlacesHoldStock { get; init; }

    /// <summary>Listings that one step of reading back asks for: few where each is a call of its own, so that what is urgent comes in between.</summary>
    public int ReadsAtOnce { get; init; } = 500;

    /// <summary>How often all numbers are read back.</summary>
    public TimeSpan RefreshEvery { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>All its numbers are read at the cost of a page each, those of some at the cost of all: a refresh reads them in one go.</summary>
    public bool ReadsAll { get; init; }

    /// <summary>How long after a push a read may still show the number before it.</summary>
    public TimeSpan VisibleAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The channel tells its numbers; false: what it was told last is all there is to know, and what was not answered is said again.</summary>
    public bool ReadsBack { get; init; } = true;

    /// <summary>Which calls beyond numbers and orders there are.</summary>
    public bool Accepts { get; init; }
    public bool Cancels { get; init; }
    public bool Ships { get; init; }
    public bool Publishes { get; init; }

    /// <summary>Settings an account needs (<c>api.settings</c>), and those of them that name a secret (<c>Secrets:&lt;name&gt;</c>).</summary>
    public IReadOnlyList<string> Needs { get; init; } = [];
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Limits that the channel holds its sellers to, in percent of orders; null: none published.</summary>
    public double? CancelRateLimit { get; init; }
    public double? LateRateLimit { get; init; }
}

/// <summary>One account: the channel's settings, the values behind its secrets, and the way there.</summary>
public sealed class ChannelAccount(Channel channel, HttpClient http, TimeProvider time, Func<string, string?> secret)
{
    public Channel Channel { get; } = channel;

    /// <summary>For calls to it: its timeout is the caller's patience; redirects are not followed.</summary>
    public HttpClient Http { get; } = http;
    public TimeProvider Time { get; } = time;

    /// <summary>Its base address.</summary>
    /// <exception cref="ChannelCallException">The channel has none.</exception>
    public Uri Address => Channel.Api?.Address ?? throw Lacks("api");

    /// <summary>A setting by its name.</summary>
    /// <exception cref="ChannelCallException">It is missing.</exception>
    public string Setting(string name) => Channel.Api?.Settings?.GetValueOrDefault(name) is { Length: > 0 } value ? value : throw Lacks(name);
    public string? OptionalSetting(string name) => Channel.Api?.Settings?.GetValueOrDefault(name);

    /// <summary>The value of the secret that a setting names; read each time, never kept.</summary>
    /// <exception cref="ChannelCallException">The setting, or the value, is missing.</exception>
    public string Secret(string name) => secret(Setting(name)) is { Length: > 0 } value ? value : throw new ChannelCallException(CallFailure.Refused, $"Channel '{Channel.Id}': there is no value under Secrets:{Setting(name)} ({name}).");

    /// <summary>The access token that <c>api.token</c> names.</summary>
    /// <exception cref="ChannelCallException">It is missing.</exception>
    public string Token() => Channel.Api?.Token is { Length: > 0 } name && secret(name) is { Length: > 0 } value ? value : throw Lacks("token");

    ChannelCallException Lacks(string name) => new(CallFailure.Refused, $"Channel '{Channel.Id}' has no '{name}' in its api settings, or no value for it.");
}

/// <summary>What a listing is called there. <paramref name="Id"/> is our document's; <paramref name="Place"/> and <paramref name="Item"/> are the channel's words.</summary>
/// <param name="Id">The listing's id of ours.</param>
/// <param name="Place">The channel's place (a Shopify location's id, a marketplace id, a sales channel id, a warehouse code); empty where it has none.</param>
/// <param name="Item">What the channel addresses stock by (inventory item's gid, seller SKU, offer SKU, EAN, product id).</param>
/// <param name="Sku">Ours.</param>
/// <param name="Extra">What else its calls need, e.g. Amazon's product type.</param>
public sealed record ListingKey(string Id, string Place, string Item, string Sku, string? Extra = null);

/// <summary>A number to set.</summary>
/// <param name="Listing">Which.</param>
/// <param name="Units">The number, ≥ 0.</param>
/// <param name="Believed">What the channel shows by what is known; null: not known.</param>
/// <param name="Paused">It is to sell nothing, whatever the number.</param>
/// <param name="Key">The same for the same number asked again (an idempotency key where the system has them).</param>
public sealed record Push(ListingKey Listing, long Units, long? Believed, bool Paused, string Key);

/// <summary>How a push ended.</summary>
public enum PushResult
{
    /// <summary>The channel says that it is so now.</summary>
    Applied,
    /// <summary>The channel took it and does it later: seen by <see cref="ChannelAdapter.CheckAsync"/> or by reading back.</summary>
    Queued,
    /// <summary>The channel's number was another: orders are read before anything is sent again.</summary>
    Stale,
    /// <summary>It will not be taken, however often it is sent: a person must look at the listing.</summary>
    Refused,
    /// <summary>It was not taken this time.</summary>
    Failed,
    /// <summary>No answer to this one of several calls: whether it was taken is not known, so it is read back before anything is decided.</summary>
    Unanswered,
}

/// <summary>How one push ended.</summary>
/// <param name="Listing">Its id.</param>
/// <param name="Result">How.</param>
/// <param name="Error">What the channel said, where it was not taken.</param>
/// <param name="Actual">The channel's number, where it said one.</param>
public sealed record Pushed(string Listing, PushResult Result, string? Error = null, long? Actual = null);

/// <summary>How a call ended, item by item: every push has one answer.</summary>
/// <param name="Items">One for each.</param>
/// <param name="Submission">What <see cref="ChannelAdapter.CheckAsync"/> asks about, where the channel decides later.</param>
/// <param name="LookAfter">When it may first be asked.</param>
public sealed record PushAnswer(IReadOnlyList<Pushed> Items, string? Submission = null, TimeSpan? LookAfter = null);

/// <summary>What a channel shows.</summary>
/// <param name="Place"><inheritdoc cref="ListingKey" path="/param[@name='Place']"/></param>
/// <param name="Item"><inheritdoc cref="ListingKey" path="/param[@name='Item']"/></param>
/// <param name="Units">Its number.</param>
/// <param name="At">As of when, where it says so.</param>
/// <param name="Marketplace">Units that lie in the channel's own warehouse (FBA, ZFS) for it; null: not said.</param>
public sealed record Shown(string Place, string Item, long Units, DateTimeOffset? At = null, long? Marketplace = null);

/// <summary>An order as it was read.</summary>
/// <param name="Draft">In our words, with its <see cref="Draft.Version"/>.</param>
/// <param name="ChangedAt">When it last changed, by the channel's clock.</param>
/// <param name="Raw">As received, for the archive.</param>
/// <param name="AcceptBy">Until when the channel waits for an acceptance; null: it waits for none now.</param>
/// <param name="ShipBy">Until when it is to leave, by the channel's word.</param>
/// <param name="CancelAsked">The buyer asked to cancel it and the seller decides.</param>
/// <param name="ByMarketplace">The channel sends it from its own warehouse: none of our stock.</param>
/// <param name="Unreadable">Why it cannot be taken in; its draft then has the order's id and nothing else, an exception is for a person, and the orders after it go on.</param>
/// <param name="Waits">It holds its units, and the channel does not want it sent yet: not accepted, or not paid.</param>
/// <param name="Known">Ours is in this state already, so it was not read again: its draft has the order's id and nothing else.</param>
public sealed record ChannelOrder(Draft Draft, DateTimeOffset ChangedAt, ReadOnlyMemory<byte> Raw, DateTimeOffset? AcceptBy = null, DateTimeOffset? ShipBy = null, bool CancelAsked = false, bool ByMarketplace = false, string? Unreadable = null, bool Waits = false, bool Known = false);

/// <summary>What is said about one line: by our line's id, which is the channel's.</summary>
public sealed record LineAnswer(string Line, bool Accepted);

/// <summary>Units of one line.</summary>
public sealed record LineUnits(string Line, long Units);

/// <summary>What left in one go.</summary>
/// <param name="Id">Ours: the same for the same shipment.</param>
/// <param name="Location">Where it left from: ours, and the channel's id of it where there is one.</param>
/// <param name="Place"><inheritdoc cref="ChannelShipment" path="/param[@name='Location']"/></param>
/// <param name="At">When.</param>
/// <param name="Carrier">Who carries it.</param>
/// <param name="Tracking">Its number there.</param>
/// <param name="Lines">What it has.</param>
public sealed record ChannelShipment(string Id, string Location, string? Place, DateTimeOffset At, string? Carrier, string? Tracking, IReadOnlyList<LineUnits> Lines);

/// <summary>Why a call did not do what was asked.</summary>
public enum CallFailure
{
    /// <summary>Too often: nothing was done; it may be asked again at <see cref="ChannelCallException.Until"/>.</summary>
    Limited,
    /// <summary>No answer, or a server's fault: whether anything was done is not known.</summary>
    Unanswered,
    /// <summary>It will not be done, however often it is asked (credentials, settings, a wrong request): a person must look.</summary>
    Refused,
}

/// <summary>A call to a channel failed as a whole.</summary>
public sealed class ChannelCallException(CallFailure failure, string message, DateTimeOffset? until = null, Exception? inner = null) : Exception(message, inner)
{
    public CallFailure Failure { get; } = failure;

    /// <summary>When it may be asked again; null: as the caller thinks fit.</summary>
    public DateTimeOffset? Until { get; } = until;

    /// <summary>Refused for what the product is, not for whose account asked: other products may well be taken.</summary>
    public bool IsOfProduct { get; init; }

    /// <summary>The kind of answer that has this HTTP status and waits as long as its <c>Retry-After</c> says (RFC 9110, section 10.2.3).</summary>
    public static ChannelCallException Of(ChannelAccount account, string operation, HttpResponseMessage response, string? said)
    {
        var status = (int)response.StatusCode;
        var after = response.Headers.RetryAfter;
        var until = after?.Date ?? (after?.Delta is { } delta ? account.Time.GetUtcNow() + delta : null);
        var failure = status is 429 ? CallFailure.Limited : status is >= 500 or 408 ? CallFailure.Unanswered : CallFailure.Refused;
        return new(failure, string.Create(CultureInfo.InvariantCulture, $"{account.Channel.Is} answered {status} to {operation} of channel '{account.Channel.Id}'{(said is { Length: > 0 } ? ": " + said[..Math.Min(said.Length, 300)] : ".")}"), until);
    }
}
