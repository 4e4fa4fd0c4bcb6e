namespace Selvedge.Ledger;

/// <summary>
/// Names of accounts (design, section 3). Ours: <c>onHand/&lt;location&gt;[/&lt;bin&gt;][#&lt;condition&gt;]</c>, <c>staged/…</c>, <c>quarantine/…</c>,
/// <c>transit/&lt;transfer&gt;</c>, <c>consigned/&lt;customer&gt;</c>. Everything else is outside.
/// </summary>
public static class Accounts
{
    public const string Supplier = "supplier", Customer = "customer", Shrink = "loss/shrink", Damage = "loss/damage",
        Sample = "use/sample", Unexplained = "customer/unexplained";

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
}
