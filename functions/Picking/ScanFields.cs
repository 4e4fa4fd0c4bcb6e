using Microsoft.AspNetCore.Http;
using Selvedge.Functions.Api;
using Selvedge.Picking;
using Selvedge.Platform;

namespace Selvedge.Functions.Picking;

/// <summary>Reads what a picker's device sends.</summary>
static class ScanFields
{
    const long MostUnits = 1_000_000;

    /// <summary><c>{scanId, barcode or sku, quantity?, bin?}</c>; one unit where no quantity is said.</summary>
    public static ScanInput Scan(this RequestFields body)
    {
        var (barcode, sku) = (body.OptionalText("barcode", 200), body.OptionalText("sku", 200));
        if (barcode is null == sku is null) body.Add(barcode is null ? "barcode" : "sku", "Expected either the barcode or the sku.");
        return new(body.ScanId(), barcode ?? sku ?? "", body.Units(), body.Bin() ?? "");
    }

    /// <summary>The device's id of a scan.</summary>
    public static string ScanId(this RequestFields body)
    {
        var id = body.Text("scanId", 100);
        if (id.Length > 0 && !Ids.IsPlain(id)) body.Add("scanId", @"It may not have / \ ? # : % ~ or blanks at its ends.");
        return id;
    }

    /// <summary>Units, at least one; one where nothing is said.</summary>
    public static long Units(this RequestFields body) => body.Whole("quantity", 1, MostUnits, 1);

    /// <summary>A bin's code.</summary>
    public static string? Bin(this RequestFields body)
    {
        var bin = body.OptionalText("bin", 40);
        if (bin is not null && !Ids.IsPlain(bin, 40)) body.Add("bin", $@"'{bin}' may not have / \ ? # : % ~ or blanks at its ends.");
        return bin;
    }

    /// <summary>The locations a list is of: the parameter <c>location</c>, else those the caller reaches; null: all.</summary>
    /// <exception cref="ProblemException">403: the location is out of the caller's reach.</exception>
    public static IReadOnlyList<string>? Reached(this HttpRequest request, Caller caller)
    {
        if (request.Parameter("location") is not { } location) return caller.Scope.Locations;
        caller.RequireLocation(location);
        return [location];
    }
}
