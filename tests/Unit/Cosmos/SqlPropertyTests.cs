using System.Text.Json.Nodes;
using CsCheck;

namespace Selvedge.Tests.Unit.Cosmos;

/// <summary>Random documents against random conditions and orders: the store's answer is the naive one, with and without indexes.</summary>
public sealed class SqlPropertyTests
{
    private static readonly string[] Ids = ["a", "ab", "B", "é", "a:1", "c:1", "c:2", "\uffee", "\ud83d\udc57"];

    private static readonly Gen<List<JsonObject>> GenDocuments = Naive.GenDocument.Array[1, 14].Select(documents =>
        documents.Select((document, i) =>
        {
            document["id"] = Ids[i % Ids.Length] + (i < Ids.Length ? "" : "+");
            return document;
        }).ToList());

    [Theory]
    [InlineData]
    [InlineData("/a/?")]
    [InlineData("/a/?", "/b/?", "/o/x/?")]
    public void A_condition_selects_the_documents_for_which_it_is_true(params string[] indexed) =>
        Gen.Select(GenDocuments, Naive.Gen1, Gen.Int[1, 5]).Sample((documents, condition, size) =>
        {
            using var table = Filled(documents, indexed);
            var sql = $"SELECT VALUE c.id FROM c WHERE {condition.Sql}";
            var expected = documents.Where(document => condition.Holds(document) == true).Select(document => document["id"]!.GetValue<string>()).Order();
            Assert.Equal(expected, table.All(sql, size).Select(Id).Order());

            var partition = JsonValue.Create("p1");
            var inPartition = documents.Where(document => document["pk"]!.GetValue<string>() == "p1" && condition.Holds(document) == true);
            Assert.Equal(inPartition.Select(document => document["id"]!.GetValue<string>()).Order(), table.All(sql, size, table.Key(partition)).Select(Id).Order());
            Assert.Equal([inPartition.Count().ToString(System.Globalization.CultureInfo.InvariantCulture)], table.All($"SELECT VALUE COUNT(1) FROM c WHERE {condition.Sql}", size, table.Key(partition)));
        }, iter: 300, threads: 1);

    [Theory]
    [InlineData]
    [InlineData("/a/?", "/b/?")]
    public void Order_by_is_the_order_of_types_then_values_then_creation(params string[] indexed) =>
        Gen.Select(GenDocuments, Naive.Gen1, Gen.Bool, Gen.Bool, Gen.Int[0, 2], Gen.Int[1, 5]).Sample((documents, condition, downA, downB, items, size) =>
        {
            using var table = Filled(documents, indexed);
            var order = $"c.a {(downA ? "DESC" : "ASC")}" + (items == 0 ? "" : $", c.b {(downB ? "DESC" : "")}");
            var where = items == 2 ? "" : $"WHERE IS_DEFINED(c.a) AND {condition.Sql}";
            var expected = documents.Select((document, rid) => (document, rid))
                .Where(row => items == 2 || (!Naive.IsMissing(Naive.At(row.document, "a")) && condition.Holds(row.document) == true)).ToList();

            // Arrays among themselves, and objects, have no order anyone can know: only that there is one is checked.
            int Compare((JsonObject document, int rid) left, (JsonObject document, int rid) right)
            {
                var a = Naive.Order(Naive.At(left.document, "a"), Naive.At(right.document, "a")) * (downA ? -1 : 1);
                var b = items == 0 ? 0 : Naive.Order(Naive.At(left.document, "b"), Naive.At(right.document, "b")) * (downB ? -1 : 1);
                return a != 0 ? a : b != 0 ? b : left.rid.CompareTo(right.rid) * (downA ? -1 : 1);
            }

            bool Unordered((JsonObject document, int rid) row) => Naive.Rank(Naive.At(row.document, "a")) > 4 || Naive.Rank(Naive.At(row.document, "b")) > 4;
            expected.Sort(Compare);
            var actual = table.All($"SELECT VALUE c.id FROM c {where} ORDER BY {order}", size).Select(Id).ToList();
            var unordered = expected.Where(Unordered).Select(row => row.document["id"]!.GetValue<string>()).ToHashSet();
            Assert.Equal(expected.Where(row => !Unordered(row)).Select(row => row.document["id"]!.GetValue<string>()), actual.Where(id => !unordered.Contains(id)));
            Assert.Equal(expected.Count, actual.Distinct().Count());
            Assert.Equal(expected.Count, actual.Count);
        }, iter: 300, threads: 1);

    private static SqlTable Filled(List<JsonObject> documents, string[] indexed)
    {
        var table = new SqlTable("/pk", indexed);
        documents.ForEach(document => table.Put(document));
        return table;
    }

    private static string Id(string row) => JsonNode.Parse(row)!.GetValue<string>();
}
