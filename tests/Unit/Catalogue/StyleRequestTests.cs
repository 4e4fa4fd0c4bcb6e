using System.Text;
using System.Text.Json;
using CsCheck;
using Selvedge.Catalogue;
using Selvedge.Platform;

namespace Selvedge.Tests.Unit.Catalogue;

public class StyleRequestTests
{
    static StyleDraft Parse(string json) => StyleRequest.Parse("LSH", RequestFields.Parse(Encoding.UTF8.GetBytes(json)));

    static IReadOnlyList<Fault> FaultsOf(string json)
    {
        var problem = Assert.Throws<ProblemException>(() => Parse(json));
        Assert.Equal(400, problem.Status);
        return [.. ((IEnumerable<object>)problem.Members["errors"]!).Cast<Fault>()];
    }

    [Fact]
    public void A_matrix_becomes_a_draft_with_whole_numbers_of_money_and_padded_gtins()
    {
        var draft = Parse("""{"name":"Linen shirt","season":"SS27","matrix":{"Navy":{"S":{"sku":"A","barcode":"6291041500213","price":"49.90","cost":18.5,"weight":260,"attributes":{"care":"cold\nwash"}}}},"version":1}""");
        var sku = Assert.Single(draft.Skus);
        Assert.Equal(("A", "Navy", "S", "06291041500213", 499_000L, 185_000L, 260L), (sku.Sku, sku.Colour, sku.Size, sku.Barcode, sku.Price, sku.Cost, sku.Weight));
        Assert.Equal("cold\nwash", sku.Attributes["care"]);
    }

    [Theory]
    [InlineData("""{"name":null,"matrix":{}}""", "/name", "null")]
    [InlineData("""{"matrix":{}}""", "/name", "missing")]
    [InlineData("""{"name":"x"}""", "/matrix", "missing")]
    [InlineData("""{"name":"x","matrix":{},"seson":"SS27"}""", "/seson", "no such member. There are archived, category")]
    [InlineData("""{"name":"x","matrix":[]}""", "/matrix", "a list")]
    [InlineData("""{"name":"x","matrix":{"A/B":{"S":{"sku":1}}}}""", "/matrix/A~1B/S/sku", "got 1")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A/B"}}}}""", "/matrix/A/S/sku", "may not have")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","price":"1.23456"}}}}""", "/matrix/A/S/price", "at most four decimals")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","price":-1}}}}""", "/matrix/A/S/price", "0 or more")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","weight":1.5}}}}""", "/matrix/A/S/weight", "whole number")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","weight":99999999999999999999}}}}""", "/matrix/A/S/weight", "whole number")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","barcode":"6291041500214"}}}}""", "/matrix/A/S/barcode", "should be 3")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","kind":"bundle"}}}}""", "/matrix/A/S/kind", "one of simple, virtual, packed")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A","kind":"virtual"}}}}""", "/matrix/A/S/components", "needs components")]
    [InlineData("""{"name":"x","matrix":{"A":{"S":{"sku":"A"},"M":{"sku":"a"}}}}""", "/matrix/A/M", "belongs to SKU 'A'")]
    [InlineData("""{"name":"x","sizes":["S"],"matrix":{"A":{"M":{"sku":"A"}}}}""", "/matrix/A/M", "not among /sizes")]
    [InlineData("""{"name":"\ud800","matrix":{}}""", "/name", "lone surrogate")]
    public void A_fault_is_told_with_its_pointer_and_what_is_expected(string json, string pointer, string detail) =>
        Assert.Contains(FaultsOf(json), fault => fault.Pointer == pointer && fault.Detail.Contains(detail, StringComparison.Ordinal));

    [Fact]
    public void All_faults_are_told_at_once() =>
        Assert.Equal(3, FaultsOf("""{"name":7,"season":"","matrix":{"A":{"S":{"sku":"A","price":"x"}}}}""").Count);

    [Fact]
    public void What_get_answers_can_be_put_back_and_changes_nothing()
    {
        var draft = Parse("""{"name":"Linen shirt","category":"Shirts","colours":["White","Navy"],"sizes":["S","M"],"matrix":{"Navy":{"M":{"sku":"A","price":"49.90","cost":"18.50","codes":["X/1"]}},"White":{"S":{"sku":"B"}}},"archived":[{"sku":"OLD","colour":"Red","size":"S"}]}""");
        var plan = StylePlan.Make(draft, null, new Dictionary<string, Product>(), CategoryRules.Shipped, DateTimeOffset.UnixEpoch, "ana");
        var products = plan.Changed.ToDictionary(product => product.Sku);
        var view = JsonSerializer.Serialize(StyleRequest.View(new StyleAndProducts(plan.Style, products), new Caller("k", "ana", Role.Admin, Scope.Everything)), Json.Options);
        Assert.True(StylePlan.Make(Parse(view), plan.Style, products, CategoryRules.Shipped, DateTimeOffset.UnixEpoch, "ben").IsUnchanged, view);
    }

    [Fact]
    public void Costs_are_shown_to_those_who_see_value_only()
    {
        var product = new Product { Sku = "A", Style = "LSH", Name = "x", Colour = "Navy", Size = "M", Price = 499_000, Cost = 185_000 };
        string Shown(Role role) => JsonSerializer.Serialize(StyleRequest.View(product, new("k", "ana", role, Scope.Everything)), Json.Options);
        Assert.Contains("18.50", Shown(Role.Finance), StringComparison.Ordinal);
        Assert.DoesNotContain("18.50", Shown(Role.Sales), StringComparison.Ordinal);
    }

    [Fact]
    public void Any_bytes_are_a_draft_or_a_problem() => Gen.OneOf(Gen.Byte.Array[0, 60], Mutated).Sample(bytes =>
    {
        try { StyleRequest.Parse("LSH", RequestFields.Parse(bytes)); }
        catch (ProblemException problem) { Assert.Equal(400, problem.Status); }
    });

    static readonly byte[] Valid = Encoding.UTF8.GetBytes("""{"name":"x\u00e9\ud83d\ude00","colours":["A"],"matrix":{"A":{"S":{"sku":"A","codes":["1"],"components":[{"sku":"b","quantity":1}],"attributes":{"a":"b"},"active":true}}}}""");
    static readonly Gen<byte[]> Mutated = Gen.Select(Gen.Int[0, 160], Gen.Byte, Gen.Int[0, 160]).Select((at, value, length) =>
    {
        var bytes = Valid.ToArray();
        bytes[at % bytes.Length] = value;
        return length % 3 == 0 ? bytes[..(length % bytes.Length)] : bytes;
    });
}
