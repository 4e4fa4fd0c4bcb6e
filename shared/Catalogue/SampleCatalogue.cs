using System.Globalization;
using System.Text;

namespace Selvedge.Catalogue;

/// <summary>
/// A sample apparel range for demonstrations and tests: 40 styles, some 600 SKUs, two warehouses and a store, the same every time, as the CSV
/// text that the imports take. The GTINs are of prefix 952, which GS1 sets aside for examples.
/// </summary>
public static class SampleCatalogue
{
    static readonly string[] Letters = ["XS", "S", "M", "L", "XL", "XXL"], Waists = ["28", "30", "32", "34", "36", "38"], Dresses = ["6", "8", "10", "12", "14", "16"], Shoes = ["37", "38", "39", "40", "41", "42", "43"], One = ["One size"];

    sealed record Line(string Id, string Name, string Category, string[] Colours, string[] Sizes, decimal Price, decimal Cost, int Grams, string Fabric);

    static readonly Line[] Range =
    [
        new("LSH101", "Harbour Linen Shirt", "Shirts", ["White", "Navy", "Sage"], Letters, 129.00m, 38.40m, 260, "100% linen"),
        new("LSH102", "Harbour Linen Shirt Short Sleeve", "Shirts", ["White", "Sky", "Clay"], Letters, 109.00m, 33.10m, 220, "100% linen"),
        new("OXF110", "Collins Oxford Shirt", "Shirts", ["White", "Blue", "Pink"], Letters, 119.00m, 31.75m, 290, "100% cotton"),
        new("FLN115", "Otway Flannel Shirt", "Shirts", ["Forest", "Rust"], Letters, 139.00m, 41.20m, 380, "100% brushed cotton"),
        new("DNM118", "Selvedge Denim Shirt", "Shirts", ["Indigo", "Washed black"], Letters, 149.00m, 46.90m, 420, "100% cotton denim"),
        new("TEE201", "Everyday Heavy Tee", "T-shirts", ["White", "Black", "Grey marle", "Olive"], Letters, 59.00m, 13.85m, 230, "100% organic cotton"),
        new("TEE202", "Pocket Tee", "T-shirts", ["White", "Navy", "Ochre"], Letters, 55.00m, 12.90m, 190, "100% organic cotton"),
        new("TEE203", "Breton Stripe Tee", "T-shirts", ["Ecru and navy", "Ecru and red"], Letters, 69.00m, 17.30m, 210, "100% cotton"),
        new("TEE205", "Long Sleeve Heavy Tee", "T-shirts", ["White", "Black", "Moss"], Letters, 75.00m, 18.45m, 280, "100% organic cotton"),
        new("PLO210", "Piqué Polo", "T-shirts", ["Navy", "Cream", "Bottle"], Letters, 89.00m, 22.60m, 250, "100% cotton piqué"),
        new("SWT301", "Loopback Crew Sweat", "Knitwear", ["Grey marle", "Navy", "Rust"], Letters, 139.00m, 42.00m, 480, "100% cotton loopback"),
        new("SWT302", "Loopback Hoodie", "Knitwear", ["Grey marle", "Black", "Bottle"], Letters, 159.00m, 49.50m, 560, "100% cotton loopback"),
        new("KNT310", "Merino Crew Knit", "Knitwear", ["Charcoal", "Camel", "Navy"], Letters, 179.00m, 61.80m, 310, "100% merino wool"),
        new("KNT311", "Merino Roll Neck", "Knitwear", ["Black", "Oat"], Letters, 199.00m, 68.25m, 350, "100% merino wool"),
        new("KNT315", "Fisherman Rib Jumper", "Knitwear", ["Ecru", "Forest"], Letters, 229.00m, 84.40m, 690, "100% lambswool"),
        new("KNT318", "Cable Cardigan", "Knitwear", ["Oat", "Navy"], Letters, 249.00m, 91.00m, 720, "100% lambswool"),
        new("JNS401", "Straight Selvedge Jean", "Trousers", ["Raw indigo", "Stone wash", "Black"], Waists, 219.00m, 74.60m, 780, "13 oz selvedge denim"),
        new("JNS402", "Slim Taper Jean", "Trousers", ["Raw indigo", "Mid wash"], Waists, 199.00m, 66.10m, 740, "12 oz stretch denim"),
        new("CHN410", "Garment Dyed Chino", "Trousers", ["Stone", "Olive", "Navy"], Waists, 149.00m, 43.70m, 520, "98% cotton 2% elastane"),
        new("CRD412", "Wide Wale Cord", "Trousers", ["Tobacco", "Forest"], Waists, 169.00m, 52.35m, 610, "100% cotton corduroy"),
        new("LTR415", "Linen Drawstring Trouser", "Trousers", ["White", "Navy", "Clay"], Letters, 139.00m, 40.15m, 380, "100% linen"),
        new("SHT420", "Chino Short", "Shorts", ["Stone", "Navy", "Sage"], Waists, 99.00m, 27.80m, 310, "98% cotton 2% elastane"),
        new("SHT422", "Swim Short", "Shorts", ["Teal", "Coral"], Letters, 89.00m, 24.20m, 190, "100% recycled nylon"),
        new("DRS501", "Wattle Midi Dress", "Dresses", ["Marigold", "Black"], Dresses, 249.00m, 79.90m, 420, "100% viscose"),
        new("DRS502", "Linen Shirt Dress", "Dresses", ["White", "Sage", "Navy"], Dresses, 219.00m, 68.00m, 430, "100% linen"),
        new("DRS505", "Slip Dress", "Dresses", ["Champagne", "Black", "Bottle"], Dresses, 189.00m, 57.45m, 260, "100% cupro"),
        new("DRS508", "Knit Column Dress", "Dresses", ["Charcoal", "Camel"], Letters, 259.00m, 88.30m, 540, "100% merino wool"),
        new("SKT510", "Pleated Midi Skirt", "Skirts", ["Forest", "Black"], Dresses, 169.00m, 50.10m, 390, "100% recycled polyester"),
        new("SKT512", "Denim A-line Skirt", "Skirts", ["Indigo", "Ecru"], Dresses, 149.00m, 45.60m, 480, "100% cotton denim"),
        new("BLS520", "Silk Blouse", "Shirts", ["Ivory", "Midnight"], Dresses, 229.00m, 82.75m, 180, "100% silk"),
        new("JKT601", "Waxed Field Jacket", "Outerwear", ["Olive", "Navy"], Letters, 399.00m, 148.20m, 1350, "100% waxed cotton"),
        new("JKT602", "Chore Jacket", "Outerwear", ["Ecru", "French blue", "Black"], Letters, 249.00m, 83.40m, 780, "100% cotton twill"),
        new("JKT605", "Denim Trucker", "Outerwear", ["Raw indigo", "Washed black"], Letters, 259.00m, 89.95m, 900, "13 oz denim"),
        new("COT610", "Wool Overcoat", "Outerwear", ["Charcoal", "Camel"], Letters, 599.00m, 231.50m, 1750, "90% wool 10% cashmere"),
        new("PUF612", "Recycled Down Vest", "Outerwear", ["Black", "Moss"], Letters, 279.00m, 98.60m, 460, "100% recycled nylon"),
        new("RNC615", "Rain Coat", "Outerwear", ["Yellow", "Navy"], Letters, 299.00m, 104.00m, 620, "3 layer shell"),
        new("BTS701", "Chelsea Boot", "Shoes", ["Chestnut", "Black"], Shoes, 349.00m, 132.80m, 1500, "Full grain leather"),
        new("SNK702", "Court Sneaker", "Shoes", ["White", "Navy"], Shoes, 189.00m, 61.25m, 980, "Leather and canvas"),
        new("CAP801", "Five Panel Cap", "Accessories", ["Navy", "Olive", "Ecru"], One, 49.00m, 11.40m, 90, "100% cotton"),
        new("TOT805", "Canvas Tote", "Accessories", ["Natural", "Black"], One, 39.00m, 8.95m, 320, "18 oz canvas"),
    ];

    /// <summary>Two warehouses and a store.</summary>
    public static IReadOnlyList<Location> Locations { get; } =
    [
        new() { Id = "WH1", Is = LocationKind.Warehouse, Name = "Melbourne warehouse", Priority = 1, Address = new("12 Somerton Road", null, "Somerton", "VIC", "3062", "AU") },
        new() { Id = "WH2", Is = LocationKind.Warehouse, Name = "Sydney warehouse", Priority = 2, Address = new("40 Huntingwood Drive", null, "Huntingwood", "NSW", "2148", "AU") },
        new() { Id = "STORE1", Is = LocationKind.Store, Name = "Collins Street store", Priority = 50, Address = new("271 Collins Street", null, "Melbourne", "VIC", "3000", "AU") },
    ];

    /// <summary>The range as a product import.</summary>
    public static string ProductsCsv()
    {
        var csv = new StringBuilder("style,name,colour,size,sku,barcode,price,cost,weight,season,category,attribute:fabric\n");
        var number = 0;
        foreach (var line in Range)
            foreach (var colour in line.Colours)
                foreach (var size in line.Sizes)
                    csv.Append(CultureInfo.InvariantCulture, $"{line.Id},{line.Name},{colour},{size},{SkuOf(line, colour, size)},{Barcode(++number)},{line.Price},{line.Cost},{line.Grams},AW26,{line.Category},{line.Fabric}\n");
        return csv.ToString();
    }

    /// <summary>Opening stock for every SKU at every location: middle sizes deeper, the store shallow.</summary>
    public static string StockCsv()
    {
        var csv = new StringBuilder("sku,location,quantity,unitCost\n");
        var number = 0;
        foreach (var line in Range)
            foreach (var colour in line.Colours)
                for (var size = 0; size < line.Sizes.Length; size++)
                {
                    number++;
                    var depth = 3 - Math.Abs(size - line.Sizes.Length / 2);
                    var sku = SkuOf(line, colour, line.Sizes[size]);
                    csv.Append(CultureInfo.InvariantCulture, $"{sku},WH1,{20 * depth + number % 17},{line.Cost}\n{sku},WH2,{8 * depth + number % 7},{line.Cost}\n{sku},STORE1,{depth + number % 3},{line.Cost}\n");
                }
        return csv.ToString();
    }

    static string SkuOf(Line line, string colour, string size) =>
        $"{line.Id}-{string.Concat(colour.Split(' ').Select(word => word[..Math.Min(3, word.Length)])).ToUpperInvariant()}-{(size == "One size" ? "OS" : size)}";

    static string Barcode(int number)
    {
        var digits = string.Create(CultureInfo.InvariantCulture, $"952{number:D9}");
        return digits + Gtin.CheckDigit(digits);
    }
}
