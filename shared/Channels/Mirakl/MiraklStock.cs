using System.Globalization;
using System.Text;
using Selvedge.Imports;

namespace Selvedge.Channels.Mirakl;

/// <summary>
/// The stock file of STO01, which sets quantities and nothing else (OF24 and OF01 take what is left out of them for empty, the quantity for 0, and are never used for numbers), and
/// the error report of STO03.
/// </summary>
public static class MiraklStock
{
    /// <summary>One line for each listing: an offer's warehouses together; no warehouse: the offer's number as a whole.</summary>
    public static byte[] File(IReadOnlyList<Push> pushes)
    {
        var text = new StringBuilder("\"offer-sku\";\"quantity\";\"warehouse-code\";\"update-delete\"\n");
        foreach (var push in pushes.OrderBy(push => push.Listing.Item, StringComparer.Ordinal).ThenBy(push => push.Listing.Place, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{Quoted(push.Listing.Item)};\"{(push.Paused ? 0 : push.Units)}\";{Quoted(push.Listing.Place)};\"\"\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>What the report says of each offer: the columns of the file and a message. Its headings are unconfirmed: the message is the last column whose name has
    /// <c>error</c> or <c>message</c> in it, the offer the column <c>offer-sku</c> (of an offer import <c>shop-sku</c>, or <c>sku</c>). Null: it cannot be read.</summary>
    public static IReadOnlyDictionary<(string Item, string Place), string>? Errors(byte[] report)
    {
        var file = CsvFile.Open(report, new ImportErrors());
        if (file is null) return null;
        var (item, place) = (Array.FindIndex(file.Header, name => name is "offer-sku" or "shop-sku" or "shop_sku" or "sku"), Array.IndexOf(file.Header, "warehouse-code"));
        var message = Array.FindLastIndex(file.Header, name => name.Contains("message", StringComparison.OrdinalIgnoreCase) || name.Contains("error", StringComparison.OrdinalIgnoreCase));
        if (item < 0) return null;
        var errors = new Dictionary<(string, string), string>();
        while (file.Next(out var row))
            if (item < row.Fields.Length) errors[(row.Fields[item], place >= 0 && place < row.Fields.Length ? row.Fields[place] : "")] = message >= 0 && message < row.Fields.Length ? row.Fields[message] : "Not taken.";
        return errors;
    }

    static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
