namespace Selvedge.Ledger;

/// <summary>
/// Names of accounts (design, section 3). Ours: <c>onHand/&lt;location&gt;[/&lt;bin&gt;][#&lt;condition&gt;]</c>, <c>staged/…</c>, <c>quarantine/…</c>,
/// <c>transit/&lt;transfer&gt;</c>, <c>consigned/&lt;customer&gt;</c>. Everything else is outside.
/// </summary>
public static class Accounts
{
    public const string Supplier = "supplier", Customer = "customer", Shrink = "loss/shrink", Damage = "loss/damage",
        Sample = "use/sample", Unexplained = "customer/unexplained", Variance = "loss/variance";

    /// <summary>Our side of a move of value without units.</summary>
    public const string Inventory = "inventory";

    public static string OnHand(string location, string bin = "", string condition = "") =>
        "onHand/" + location + (bin.Length > 0 ? "/" + bin : "") + (condition.Length > 0 ? "#" + condition : "");
    public static string Staged(string location) => "staged/" + location;
    public static string Quarantine(string location) => "quarantine/" + location;
    public static string Transit(string transfer) => "transit/" + transfer;
    public static string Consigned(string customer) => "consigned/" + customer;
    public static string Conversion(string workOrder) => "conversion/" + workOrder;

    /// <summary>Names a pegged claim's place: <c>supply/&lt;id&gt;</c>.</summary>
    public static string Supply(string supply) => "supply/" + supply;

    /// <summary>The place of a claim that is nowhere yet.</summary>
    public const string Short = "short";

    /// <summary>The account's first word: <c>onHand</c>, <c>staged</c>, <c>supplier</c>, <c>loss</c> …</summary>
    public static ReadOnlySpan<char> Class(string account) => account.AsSpan(0, account.IndexOf('/', StringComparison.Ordinal) is var slash and >= 0 ? slash : account.Length);

    /// <summary>True for accounts whose units (and value) are ours.</summary>
    public static bool IsOurs(string account) => Class(account) is "onHand" or "staged" or "quarantine" or "transit" or "consigned" or Inventory;

    /// <summary>The location of an onHand, staged or quarantine account.</summary>
    public static string Location(string account)
    {
        var rest = account.AsSpan(account.IndexOf('/', StringComparison.Ordinal) + 1);
        var end = rest.IndexOfAny('/', '#');
        return (end < 0 ? rest : rest[..end]).ToString();
    }

    /// <summary>The bin and condition of an onHand account as <see cref="Stock.Bins"/> names them: <c>A-01#B</c>.</summary>
    public static string Bin(string account)
    {
        var rest = account.AsSpan(account.IndexOf('/', StringComparison.Ordinal) + 1);
        var end = rest.IndexOfAny('/', '#');
        return end < 0 ? "" : (rest[end] == '/' ? rest[(end + 1)..] : rest[end..]).ToString();
    }

    /// <summary>True when a claim's place is a location, not <c>short</c> and not <c>supply/…</c>.</summary>
    public static bool IsLocation(string place) => place != Short && !place.StartsWith("supply/", StringComparison.Ordinal);
}
