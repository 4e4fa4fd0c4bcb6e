using Microsoft.AspNetCore.Http;
using Selvedge.Catalogue;
using Selvedge.Functions.Api;
using Selvedge.Platform;

namespace Selvedge.Functions.Catalogue;

/// <summary>Which attributes the SKUs of a category have.</summary>
public sealed class CategoryFunctions(Categories categories)
{
    /// <summary>Gives a category its own attributes; <c>*</c> is for all that have none of their own.</summary>
    [Function("PutCategory"), Access]
    public async Task<IResult> PutCategory([HttpTrigger(AuthorizationLevel.Anonymous, "put", Route = "api/categories/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var wanted = Category.Parse(id, await request.FieldsAsync());
        var (category, created) = await categories.PutAsync(wanted, request.Condition(), context.Caller().Actor, context.CancellationToken);
        request.SetETag(category.ETag);
        return Request.Answer(category.View(), created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
    }

    [Function("GetCategory"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> GetCategory([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/categories/{id}")] HttpRequest request, string id, FunctionContext context)
    {
        var category = await categories.GetAsync(id, context.CancellationToken);
        request.SetETag(category.ETag);
        return Request.Answer(category.View());
    }

    [Function("ListCategories"), Access(Role.Warehouse, Role.Sales, Role.Finance, Role.Viewer)]
    public async Task<IResult> ListCategories([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "api/categories")] HttpRequest request, FunctionContext context) =>
        Request.Answer(new Page<Category>(await categories.ListAsync(context.CancellationToken), null).As(category => category.View()));
}
