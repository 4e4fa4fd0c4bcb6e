using Microsoft.Extensions.Configuration;
using Selvedge.Local.Functions;

namespace Selvedge.Tests.Integration.Functions;

public class SettingsTests
{
    private const string Prefix = "SELVEDGE_SETTINGS_TEST";

    [Fact]
    public void The_command_line_wins_over_the_environment_and_that_over_local_settings()
    {
        using var app = new TempFolder();
        using var current = new TempFolder();
        var unique = $"{Prefix}_{Guid.NewGuid():N}";
        app.Write("local.settings.json", $$"""{ "Values": { "{{unique}}_A": "app", "{{unique}}_B": "app", "{{unique}}_C": "app", "{{unique}}_D": "app" } }""");
        current.Write("local.settings.json", $$"""{ "Values": { "{{unique}}_B": "current", "{{unique}}_C": "current", "{{unique}}_D": "current" } }""");
        Environment.SetEnvironmentVariable($"{unique}_C", "environment");
        Environment.SetEnvironmentVariable($"{unique}_D", "environment");
        try
        {
            var settings = FunctionsApplication.CreateBuilder([$"--{unique}_D", "command line"], [app.Path, current.Path]).Configuration;
            Assert.Equal(["app", "current", "environment", "command line"], "ABCD".Select(end => settings[$"{unique}_{end}"]));
        }
        finally
        {
            Environment.SetEnvironmentVariable($"{unique}_C", null);
            Environment.SetEnvironmentVariable($"{unique}_D", null);
        }
    }

    [Fact]
    public void Names_nest_by_colon_or_two_underscores_and_values_may_be_numbers()
    {
        using var folder = new TempFolder();
        folder.Write("local.settings.json", """
            {
              // a comment, as Core Tools allows
              "IsEncrypted": false,
              "Values": { "Secrets__shopify": "a", "Secrets:amazon": "b", "Limit": 12, "On": true, },
              "ConnectionStrings": { "Main": "c" },
              "Host": { "LocalHttpPort": 7099 }
            }
            """);
        var builder = FunctionsApplication.CreateBuilder([], [folder.Path]);
        var settings = builder.Configuration;
        Assert.Equal(("a", "b", 12, true, "c"), (settings["Secrets:shopify"], settings["Secrets:amazon"], settings.GetValue<int>("Limit"), settings.GetValue<bool>("On"), settings.GetConnectionString("Main")));
        Assert.Equal(7099, builder.Settings.Port);
    }

    [Fact]
    public void Options_have_defaults_and_flags_are_true()
    {
        using var folder = new TempFolder();
        var builder = FunctionsApplication.CreateBuilder(["--demo", "--data=x y", "--verbose"], [folder.Path]);
        Assert.Equal((7071, "localhost", "api", Path.GetFullPath("x y")), (builder.Settings.Port, builder.Settings.Host, builder.Settings.RoutePrefix, builder.Settings.Data));
        Assert.Equal(("true", "true", Path.GetFullPath("x y")), (builder.Configuration["demo"], builder.Configuration["verbose"], builder.Configuration["SELVEDGE_DATA"]));
    }

    [Fact]
    public void Port_and_data_come_from_settings_where_the_command_line_does_not_say()
    {
        using var folder = new TempFolder();
        folder.Write("local.settings.json", """{ "Values": { "SELVEDGE_PORT": "7100", "SELVEDGE_DATA": "elsewhere" } }""");
        var asked = FunctionsApplication.CreateBuilder([], [folder.Path]).Settings;
        Assert.Equal((7100, Path.GetFullPath("elsewhere")), (asked.Port, asked.Data));
        Assert.Equal(7200, FunctionsApplication.CreateBuilder(["--port", "7200"], [folder.Path]).Settings.Port);
    }

    [Theory]
    [InlineData("{ \"Values\": {\n  \"A\": \"x\"\n  \"B\": 1 } }", "line 3, column 3")]
    [InlineData("", "line 1, column 1")]
    [InlineData("[]", "must be one JSON object")]
    [InlineData("{ \"Values\": [] }", "Values must be an object")]
    [InlineData("{ \"Values\": { \"A\": { \"B\": 1 } } }", "Values.A must be a single value")]
    [InlineData("{ \"IsEncrypted\": true }", "IsEncrypted is true")]
    public void Malformed_local_settings_are_refused_with_the_place(string content, string why)
    {
        using var folder = new TempFolder();
        folder.Write("local.settings.json", content);
        var refusal = Assert.Throws<LocalHostException>(() => FunctionsApplication.CreateBuilder([], [folder.Path]));
        Assert.Equal(ExitCode.Settings, refusal.Code);
        Assert.StartsWith(folder.File("local.settings.json"), refusal.Message, StringComparison.Ordinal);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ \"version\": \"2.0\", }}", "line 1, column 22")]
    [InlineData("{ }", "\"version\" must be \"2.0\"")]
    [InlineData("{ \"version\": 2 }", "\"version\" must be \"2.0\"")]
    [InlineData("{ \"version\": \"2.0\", \"extensions\": { \"http\": { \"routePrefix\": 1 } } }", "routePrefix must be a text")]
    [InlineData("{ \"version\": \"2.0\", \"extensions\": { \"http\": 1 } }", "expected inside an object")]
    public void A_malformed_host_json_is_refused_with_the_place(string content, string why)
    {
        using var folder = new TempFolder();
        folder.Write("host.json", content);
        var refusal = Assert.Throws<LocalHostException>(() => FunctionsApplication.CreateBuilder([], [folder.Path]));
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.Contains("host.json", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Unexpected argument 'serve'", "serve")]
    [InlineData("--port needs a value", "--port")]
    [InlineData("--data needs a value", "--data", "--demo")]
    [InlineData("'http' is not a port", "--port", "http")]
    [InlineData("'65536' is not a port", "--port", "65536")]
    [InlineData("'-1' is not a port", "--port=-1")]
    [InlineData("data folder is empty", "--data=")]
    public void A_malformed_command_line_is_refused(string why, params string[] args)
    {
        using var folder = new TempFolder();
        var refusal = Assert.Throws<LocalHostException>(() => FunctionsApplication.CreateBuilder(args, [folder.Path]));
        Assert.Equal(ExitCode.Settings, refusal.Code);
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
    }
}
