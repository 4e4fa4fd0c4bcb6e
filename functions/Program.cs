using Microsoft.Extensions.Hosting;
using Selvedge.Functions;

await App.Build(args).RunAsync();
