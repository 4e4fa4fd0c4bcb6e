using Selvedge.Tests.Benchmarks;

switch (args.FirstOrDefault())
{
    case "claims": await Claims.RunAsync(seconds: Number("--seconds", 8)); break;
    case "fulfil": await Fulfilment.RunAsync(seconds: Number("--seconds", 20), open: Number("--open", 400)); break;
    case "waiting": await Fulfilment.WaitingAsync(orders: Number("--orders", 10_000)); break;
    case "waves": await Fulfilment.WavesAsync(lines: Number("--lines", 100_000)); break;
    case "import": await Imports.RunAsync(rows: Number("--rows", 100_000)); break;
    case "matrix": await Imports.MatrixAsync(); break;
    case "million": await Million.RunAsync(entries: Number("--entries", 1_000_000)); break;
    case "listings": await Listings.RunAsync(seconds: Number("--seconds", 60), changes: Number("--changes", 200)); break;
    case "season": await Listings.SeasonAsync(skus: Number("--skus", 10_000)); break;
    case "orders": await Orders.RunAsync(seconds: Number("--seconds", 15)); break;
    case "queues": await Queues.RunAsync(seconds: Number("--seconds", 8), backlog: Number("--backlog", 500_000)); break;
    default:
        Console.WriteLine("""
            Selvedge benchmarks. Each prints its floor beside its number, in one run on this machine.
              claims  [--seconds 8]          durable claims through the ledger, 64 callers: 500 SKUs, and one hot SKU
              million [--entries 1000000]    memory, claim speed and start-up with that many entries
              import  [--rows 100000]        a product import over HTTP with its memory, the same again, one of 50 MB; the matrix
              matrix                         a style of 12 colours × 10 sizes and its stock, read over HTTP
              orders  [--seconds 15]         signed two-line Shopify orders over HTTP, load driver included
              listings [--seconds 60] [--changes 200]  from an order's commit to the calls of four channel accounts
              season  [--skus 10000]         so many listings that change at once on an operator with limits, and a refresh of them
              fulfil  [--seconds 20]         signed orders picked by scan and shipped over HTTP by pickers that need no time
              waiting [--orders 10000]       what orders that wait for pickers cost, and how soon they go on after a restart
              waves   [--lines 100000]       the next wave out of that many open pick lines
              queues  [--backlog 500000]     messages sent, received and completed durably, 64 senders; what a backlog costs
            """);
        break;
}

int Number(string name, int otherwise) => Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? int.Parse(args[at + 1], null) : otherwise;
