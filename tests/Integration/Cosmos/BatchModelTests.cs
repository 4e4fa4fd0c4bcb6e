using CsCheck;
using Microsoft.Azure.Cosmos;
using static Selvedge.Tests.Integration.Cosmos.ItemTests;

namespace Selvedge.Tests.Integration.Cosmos;

/// <summary>Random batches against a dictionary that does what the documentation says.</summary>
public sealed class BatchModelTests(CosmosFixture cosmos) : IClassFixture<CosmosFixture>
{
    private enum Kind
    {
        Create,
        Upsert,
        Replace,
        Delete,
        Read,
        Increment,
    }

    private static readonly PartitionKey P = new("P");

    private static readonly Gen<(Kind Kind, int Id, int Value, int Condition)[]> Batch =
        Gen.Select(Gen.Enum<Kind>(), Gen.Int[0, 3], Gen.Int[0, 99], Gen.Int[0, 9]).Array[1, 6];

    [Fact]
    public async Task Random_batches_leave_what_the_model_leaves_and_answer_what_it_answers()
    {
        var container = await cosmos.NewContainerAsync();
        var stored = new Dictionary<int, (int N, string ETag)>();
        await Batch.SampleAsync(operations => RunAsync(container, stored, operations), iter: 250, threads: 1);
        Assert.NotEmpty(stored);
    }

    private static async Task RunAsync(Container container, Dictionary<int, (int N, string ETag)> stored, (Kind Kind, int Id, int Value, int Condition)[] operations)
    {
        var batch = container.CreateTransactionalBatch(P);
        var after = new Dictionary<int, int>(stored.ToDictionary(item => item.Key, item => item.Value.N));
        var touched = new HashSet<int>();
        var expected = new List<int>();
        foreach (var (kind, id, value, condition) in operations)
        {
            // A true ETag is known only for what this batch has not written yet; a false one fails always.
            var etag = condition == 0 ? "\"00000000deadbeef\"" : condition == 1 && !touched.Contains(id) && stored.TryGetValue(id, out var known) ? known.ETag : null;
            var options = new TransactionalBatchItemRequestOptions { IfMatchEtag = etag };
            var exists = after.ContainsKey(id);
            var thing = new Thing($"i{id}", "P", value);
            batch = kind switch
            {
                Kind.Create => batch.CreateItem(thing),
                Kind.Upsert => batch.UpsertItem(thing, options),
                Kind.Replace => batch.ReplaceItem(thing.Id, thing, options),
                Kind.Delete => batch.DeleteItem(thing.Id, options),
                Kind.Read => batch.ReadItem(thing.Id),
                _ => batch.PatchItem(thing.Id, [PatchOperation.Increment("/n", value)], new TransactionalBatchPatchItemRequestOptions { IfMatchEtag = etag }),
            };
            var conditional = kind is not (Kind.Create or Kind.Read);
            var status = kind switch
            {
                Kind.Create => exists ? 409 : 201,
                Kind.Upsert when !exists => etag is null ? 201 : 412,
                _ when !exists => 404,
                _ when conditional && condition == 0 => 412,
                Kind.Delete => 204,
                _ => 200,
            };
            expected.Add(status);
            if (status >= 400)
            {
                expected = [.. Enumerable.Repeat(424, expected.Count - 1), status, .. Enumerable.Repeat(424, operations.Length - expected.Count)];
                foreach (var rest in operations.Skip(expected.IndexOf(status) + 1))
                {
                    batch = batch.ReadItem($"i{rest.Id}");
                }

                break;
            }

            if (kind is not Kind.Read)
            {
                touched.Add(id);
            }

            after[id] = kind switch
            {
                Kind.Read or Kind.Delete => after[id],
                Kind.Increment => after[id] + value,
                _ => value,
            };
            if (kind == Kind.Delete)
            {
                after.Remove(id);
            }
        }

        using var answer = await batch.ExecuteAsync();
        Assert.Equal(expected, answer.Select(one => (int)one.StatusCode));
        if (answer.IsSuccessStatusCode)
        {
            stored.Clear();
            foreach (var (id, n) in after)
            {
                stored[id] = (n, "");
            }
        }

        for (var id = 0; id <= 3; id++)
        {
            using var read = await container.ReadItemStreamAsync($"i{id}", P);
            Assert.Equal(stored.ContainsKey(id), read.IsSuccessStatusCode);
            if (read.IsSuccessStatusCode)
            {
                Assert.Equal(stored[id].N, (await ReadAsync(read)).GetProperty("n").GetInt32());
                stored[id] = (stored[id].N, read.Headers.ETag);
            }
        }
    }
}
